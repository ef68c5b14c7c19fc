"""Why a network answers what it answers: gradients, occlusion, class activation maps."""

__all__: list[str] = []
