"""Classical computer vision as pure functions of images."""

__all__: list[str] = []
