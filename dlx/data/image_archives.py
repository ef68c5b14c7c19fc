"""Published files of the image sets: names, checksums, addresses."""

from dlx.data.find import Archive
from dlx.data.gather import Member

__all__ = [
    "BOX",
    "CHESSBOARD",
    "CORNERS",
    "GRAFFITI",
    "MIDDLEBURY",
    "PHOTOGRAPHS",
    "RUBBER_WHALE",
    "SAMPLE_IMAGES",
]

_OPENCV = "https://raw.githubusercontent.com/opencv/opencv/4.x/samples/data/"
_SCIKIT_IMAGE = "https://gitlab.com/scikit-image/data/-/raw/5c090b56df3988d988ff97928e2ef2d2cbe38e1b/"
_SCIKIT_LEARN = "https://raw.githubusercontent.com/scikit-learn/scikit-learn/1.6.1/sklearn/datasets/images/"
_MIDDLEBURY = "https://vision.middlebury.edu/flow/data/comp/zip/"


def _files(base: str | None, **sums: str) -> tuple[Archive, ...]:
    """Files that are used as they are served; a keyword has __ for the dot of its name."""
    names = [(name.replace("__", "."), digest) for name, digest in sums.items()]
    return tuple(Archive(name, digest, digest, (base + name,) if base else ()) for name, digest in names)


GRAFFITI = _files(
    _OPENCV,
    graf1__png="1504b769303c7bde00fa578eeaad3c68e02aceabeb1242e556f1f8d19e4bdea5",
    graf3__png="492e0e96f21748d093e1a29f4dbfd46528bd75966937e85ce7c8abc0f361fc15",
    H1to3p__xml="9cd961fef3542462153a95acad164bc0da784622034a4eaf384c9beeaa19588f",
)

BOX = _files(
    _OPENCV,
    box__png="1094629c1e2ebbc8a9ae2c9c63e18c1dff0f5f1481146e02f3b11a3d30feb20a",
    box_in_scene__png="8b0225ff76244a42bd1400c0904f8b7afea7d97b7d8115495e42e98ad347bd51",
)

CHESSBOARD = _files(
    _OPENCV,
    left01__jpg="9621899098adffa1440c8264606bb7be535ccfd9ad126ae8e0bd9b0c5a5b8676",
    left02__jpg="052e700bbcc865c112958ec2ea105cb1bce4deca50ac8d6efae13adca9df7a2c",
    left03__jpg="c85b9426c3d8fcf161e1e727356105091009c3fd0b1b1a65bc2da91fea2724d2",
    left04__jpg="b490599dccfbfe5eb56d33363415b02227a9548ab8c9b8e7b05d3580e97266d9",
    left05__jpg="40bab8934fa76f82ec614a7fd0e6ebb4d9f74391d5e8b0c6f2f0ed6080c6c4de",
    left06__jpg="1cb164db61b3bd52f58a7e9340bb27c5e0278895bc80b6f292fba5cf9bccc4a1",
    left07__jpg="d2211fe9f971646b6ff88ed93a4f0d3f443741eb2894095cba15caade7c8c6e4",
    left08__jpg="f7a0737894812a28243af5b409c5689f4fadfe7610958b8ca5fc79aec2f2cd1b",
    left09__jpg="753939bc62d093c001d9118e989bef2b887f1b2f9ac03603df915a8b85aa81d3",
    left11__jpg="e736ace3d515c94c547009c3c10d818c81506ed7059cb31123749b9cc3f94ee8",
    left12__jpg="04bdd78b3b507fe0551aa7062a3ffd94846a147ee2bea7fb38082c720bdbe231",
    left13__jpg="2637fb6dd5e557f4fadb06b353a453eb0b9223f4671f6f572f815302bc4a70b3",
    left14__jpg="d4c032971dd7b859f9d6aed5090c9888bd8039b82e0604bee5bfe05444fce834",
    left_intrinsics__yml="93a35a94eaaa63afba5128292cf2800fce3e783eba12a69e3d3731360d594684",
)

# found by OpenCV in the images above and in their right halves; not published
CORNERS = _files(
    None,
    corners__npz="bd63cea1f43ea5b3d8fe4bc5d9b697f7fd875c0eae5b566e7db706a01535c0be",
)

RUBBER_WHALE = _files(
    None,
    RubberWhale_frame10__png="eb312435369dac9efcc92f7e098edbd9ed8d7e6dfede8b3b4d8e3702cd80b796",
    RubberWhale_frame11__png="ee309a00d47b837b322ea5d9128775e0c46869b8014376286ba316a073d293ac",
    RubberWhale_flow10__flo="f57359dd1a35907322f7a890a5e61bd0dd421aac89fd51ba0c71bf3a7e0a8890",
)

MIDDLEBURY = {
    "RubberWhale_frame10.png": Member(f"{_MIDDLEBURY}other-color-twoframes.zip", "other-data/RubberWhale/frame10.png"),
    "RubberWhale_frame11.png": Member(f"{_MIDDLEBURY}other-color-twoframes.zip", "other-data/RubberWhale/frame11.png"),
    "RubberWhale_flow10.flo": Member(f"{_MIDDLEBURY}other-gt-flow.zip", "other-gt-flow/RubberWhale/flow10.flo"),
}

PHOTOGRAPHS = _files(
    _SCIKIT_IMAGE,
    astronaut__png="88431cd9653ccd539741b555fb0a46b61558b301d4110412b5bc28b5e3ea6cb5",
    brick__png="7966caf324f6ba843118d98f7a07746d22f6a343430add0233eca5f6eaaa8fcf",
    camera__png="b0793d2adda0fa6ae899c03989482bff9a42d3d5690fc7e3648f2795d730c23a",
    chelsea__png="596aa1e7cb875eb79f437e310381d26b338a81c2da23439704a73c4651e8c4bb",
    coffee__png="cc02f8ca188b167c775a7101b5d767d1e71792cf762c33d6fa15a4599b5a8de7",
    coins__png="f8d773fc9cfa6f4d8e5942dc34d0a0788fcaed2a4fefbbed0aef5398d7ef4cba",
    grass__png="b6b6022426b38936c43a4ac09635cd78af074e90f42ffa8227ac8b7452d39f89",
    gravel__png="c48615b451bf1e606fbd72c0aa9f8cc0f068ab7111ef7d93bb9b0f2586440c12",
    hubble_deep_field__jpg="3a19c5dd8a927a9334bb1229a6d63711b1c0c767fb27e2286e7c84a3e2c2f5f4",
    moon__png="78739619d11f7eb9c165bb5d2efd4772cee557812ec847532dbb1d92ef71f577",
    page__png="341a6f0a61557662b02734a9b6e56ec33a915b2c41886b97509dedf2a43b47a3",
    rocket__jpg="c2dd0de7c538df8d111e479619b129464d0269d0ae5fd18ca91d33a7fdfea95c",
    text__png="bd84aa3a6e3c9887850d45d606c96b2e59433fbef50338570b63c319e668e6d1",
)

SAMPLE_IMAGES = _files(
    _SCIKIT_LEARN,
    china__jpg="8378025ad2519d649d02e32bd98990db4ab572357d9f09841c2fbfbb4fefad29",
    flower__jpg="a77f6ec41e353afdf8bdff2ea981b2955535d8d83294f8cfa49cf4e423dd5638",
)
