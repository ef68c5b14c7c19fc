"""Published files of the texts: names, checksums of their content, addresses."""

from dlx.data.find import Archive
from dlx.data.gather import Member

__all__ = [
    "FRA_ENG", "FRA_ENG_ZIP", "NAMES", "PTB", "PTB_ZIP", "SONG_POEMS", "TANG_POEMS", "TIME_MACHINE",
    "TINY_SHAKESPEARE", "WIKITEXT2",
]  # fmt: skip

_D2L = "https://d2l-data.s3-accelerate.amazonaws.com/"
_GITHUB = "https://raw.githubusercontent.com/"
_POEMS = f"{_GITHUB}chinese-poetry/chinese-poetry/master/"
_WIKITEXT = f"{_GITHUB}pytorch/examples/main/word_language_model/data/wikitext-2/"


def _file(name: str, digest: str, *urls: str) -> Archive:
    """A file that is used as it is served."""
    return Archive(name, digest, digest, urls)


TINY_SHAKESPEARE = (
    _file(
        "input.txt",
        "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed",
        f"{_GITHUB}karpathy/char-rnn/master/data/tinyshakespeare/input.txt",
    ),
)

TIME_MACHINE = (
    _file(
        "timemachine.txt",
        "8424dbd9532ac81f7e5f0b6add90e6952baea29158309d7d1bf3884f4e12c516",
        f"{_D2L}timemachine.txt",
    ),
)

TANG_POEMS = (
    _file(
        "tangshi300.json",
        "d77a145f7470da2ed2f79515944563c062ffc43fceda07f195a36ead66b7e5c7",
        # the folder and the file are named in Chinese: Complete Tang Poems / Three Hundred Tang Poems
        f"{_POEMS}%E5%85%A8%E5%94%90%E8%AF%97/%E5%94%90%E8%AF%97%E4%B8%89%E7%99%BE%E9%A6%96.json",
    ),
)

SONG_POEMS = (
    _file(
        "songci300.json",
        "ca5d74f7fdb9d5a6acc22a7c8b4395228cad4bb8be53df44c19ba83ab6983b20",
        f"{_POEMS}%E5%AE%8B%E8%AF%8D/%E5%AE%8B%E8%AF%8D%E4%B8%89%E7%99%BE%E9%A6%96.json",
    ),
)

PTB = (
    _file("ptb.train.txt", "fcea919f6cf83f35d4d00c6cbf08040d13d4155226340912e2fef9c9c4102cbf"),
    _file("ptb.valid.txt", "c9fe6985fe0d4ccb578183407d7668fc6066c20700cb4cf87d8ff1cc34df1bf2"),
    _file("ptb.test.txt", "dd65dff31e70846b2a6030a87482edcd5d199130cdcfa1f3dccbb033728deee0"),
)
PTB_ZIP = {archive.name: Member(f"{_D2L}ptb.zip", f"ptb/{archive.name}") for archive in PTB}

WIKITEXT2 = (
    _file(
        "wiki.train.tokens",
        "9e9fa1ad55b1c2c95b08e37dd8e653f638fac2c6de904b79e813611eefbc985f",
        f"{_WIKITEXT}train.txt",
    ),
    _file(
        "wiki.valid.tokens",
        "f0737ed31fc1329026e95cb8b98e19c2a182c39c240ab909dc31abf2f8af58e8",
        f"{_WIKITEXT}valid.txt",
    ),
    _file(
        "wiki.test.tokens",
        "d790b833ef8cf03a90db7bf1271b7520b83c45ce07ba3c1a9699df81e239eca0",
        f"{_WIKITEXT}test.txt",
    ),
)

FRA_ENG = (_file("fra.txt", "0bb85dbaa1c896844649094d7eaf2e34bee34e84fe362b26ce7e8f2e12aae104"),)
FRA_ENG_ZIP = {"fra.txt": Member(f"{_D2L}fra-eng.zip", "fra-eng/fra.txt")}

NAMES = tuple(
    _file(f"{language}.txt", digest, f"{_GITHUB}spro/practical-pytorch/master/data/names/{language}.txt")
    for language, digest in {
        "Arabic": "6f424a8dbe51cbbbabab7a57d38b617210125e4e3991f3c657cb79b8f104bafc",
        "Chinese": "09ba8f1f7e38dbc99372d461b26ad4433b811fc6bfa6a3ecca6fe11a9a777465",
        "Czech": "e17ab0ec47616a72c39cb85c783f70c3663ab64488721e5d8378f146d2226be7",
        "Dutch": "924f32b635170eae561f84538632138fc07d4c8bbd70ba3fb980de1ecc4d2af3",
        "English": "9cca037066d3d5989e24bc01801416162de506b5e28e15b7c092a47905d29bf2",
        "French": "81e65b36c60ed5b89a17422f6edcadbb89546f38ad69e960e64e7ba682012a95",
        "German": "7449cd590b97a733e18d613a4155decd77ec35dc5f8aadd7a82204dce4f051db",
        "Greek": "3555b5186de7f401e6d991b088e9e644ca3099116477818c25ab5793801389e6",
        "Irish": "cf8c7013256252a88d2503127b87282a11f21b2ff6db1bded68834c19a1ec058",
        "Italian": "f88414c27d0606a11a678b4859277828c2565d6cc4d9ee932deef6e94f3b35e4",
        "Japanese": "e0e717e114fec3e7eade4d9dabe0067c475f43147e36a22b47902ee76ad9e67f",
        "Korean": "cd54221ccb362a6cba4c78828838cf3268a0e59744767a37cf6ec4b74036b136",
        "Polish": "45bab898af2f60ed3a728bbf6980e28821011a7caa53227553b5785903a40826",
        "Portuguese": "50a8735f41f4f73757c8ce5b16cb0275cd86b2b214bcbc8c9805f508cb131c53",
        "Russian": "0cfe53ac18041e8f63666aa77313e0a3ff378facb132abee052d8ebdc8c3d62c",
        "Scottish": "78d0252711d87d948ea86fe34826c51d2d794a8e52d15b5d6f7b6244d45d62dd",
        "Spanish": "1bcb462ed3316756a85781d68232bddae04498fdddd5d9219c53fd1fbdeba7a7",
        "Vietnamese": "f3f9e4164ab47601178a6e45b216464a64122f49d05541f24bf18a757253281d",
    }.items()
)
