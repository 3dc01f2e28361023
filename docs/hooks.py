"""Hooks of `make docs`: pages from outside docs/, reference pages, and links that leave docs/.

Pages link to files of the repository as GitHub wants it (`../configs/quickstart.yaml`). The site
has a copy of each file that is linked, and for each folder a page that lists its files.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files
from reference import api_pages, commands_page, config_page

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
LINK = re.compile(r"(\]\()(?!https?:|#|mailto:)([^)#\s]+)")
COPIES = "repository"  # the site's folder of files from outside docs/
# Pages that the search shows first; the tables of runs hold the same words many times.
FIRST = {"glossary.md": 40, "metrics.md": 8}
HOME = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "examples/README.md": "examples.md",
}


def on_files(files: Files, config: Any) -> Files:
    """Add the first page, the reference pages, and what pages link to outside docs/."""
    generated = {f"reference/api/{name}.md": text for name, text in api_pages().items()}
    generated |= {"reference/config.md": config_page(), "reference/commands.md": commands_page()}
    for name, page in HOME.items():
        generated[page] = (ROOT / name).read_text()
    for page, text in generated.items():
        files.append(File.generated(config, page, content=text))
    for file in list(files.documentation_pages()):
        for _, target in LINK.findall(file.content_string):
            found = (_source(file.src_uri).parent / target).resolve()
            if found.is_dir() and found.is_relative_to(DOCS):
                _add(files, _page_of_folder(found), config, content=_listing(found))
            elif found.is_file() and _outside(found):
                place = f"{COPIES}/{found.relative_to(ROOT)}"
                _add(files, place, config, abs_src_path=str(found))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Lead a page's links to where the site has their targets."""
    uri = page.file.src_uri
    page.meta["search"] = {"boost": FIRST.get(uri, 0.1 if uri.startswith("reference/api") else 1)}
    source, place = _source(uri), Path(uri).parent

    def moved(link: re.Match[str]) -> str:
        found = (source.parent / link[2]).resolve()
        if not found.exists() or not found.is_relative_to(ROOT):
            return link[0]  # mkdocs names it as broken
        return f"{link[1]}{os.path.relpath(_uri(found), place)}"

    return LINK.sub(moved, markdown)


def _source(uri: str) -> Path:
    """Return where the text of a page of the site stands in the repository."""
    names = {page: name for name, page in HOME.items()}
    return ROOT / names[uri] if uri in names else DOCS / uri


def _uri(found: Path) -> str:
    name = str(found.relative_to(ROOT))
    if name in HOME:
        return HOME[name]
    if _outside(found):
        return f"{COPIES}/{name}"
    return _page_of_folder(found) if found.is_dir() else str(found.relative_to(DOCS))


def _outside(found: Path) -> bool:
    inside = found.is_relative_to(DOCS) and found.suffix != ".py"
    return not inside and str(found.relative_to(ROOT)) not in HOME


def _page_of_folder(folder: Path) -> str:
    name = str(folder.relative_to(DOCS))
    return f"{name}/README.md" if (folder / "README.md").exists() else f"{name}/index.md"


def _listing(folder: Path) -> str:
    lines = [f"- [{path.name}]({path.name})" for path in sorted(folder.iterdir()) if path.is_file()]
    return f"# {folder.relative_to(ROOT)}\n\n" + "\n".join(lines) + "\n"


def _add(files: Files, uri: str, config: Any, **given: Any) -> None:
    if files.get_file_from_path(uri) is None:
        files.append(File.generated(config, uri, **given))
