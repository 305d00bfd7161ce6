"""The text of a configuration file as plain data, with the place in the file of every key and value."""

from __future__ import annotations

import codecs
import warnings
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, ReusedAnchorWarning, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from keepstep.problems import ConfigurationError, Loc, Problem

LARGEST = 1024 * 1024
MOST_NODES = 20_000
"""After aliases are followed: an alias bomb grows past it, a true configuration never."""
DEEPEST = 40

TAG = "tag:yaml.org,2002:"
FOREIGN_BOMS = {codecs.BOM_UTF32_LE: "UTF-32", codecs.BOM_UTF16_LE: "UTF-16", codecs.BOM_UTF16_BE: "UTF-16"}


class Source:
    """A parsed file: ``data`` as plain Python, and where each part of it stands."""

    def __init__(self, path: str, root: Node | None) -> None:
        self.path = path
        self.problems: list[Problem] = []
        self._nodes: dict[Loc, Node] = {}
        self._keys: dict[Loc, Node] = {}
        self._count = 0
        self.data: Any = None if root is None else self._build(root, (), ())

    def problem(self, code: str, loc: Loc, *, at_key: bool = False, **params: Any) -> Problem:
        """A problem at the value (or the key) that ``loc`` leads to, else at the nearest part above it."""
        line, column = self.position(loc, at_key=at_key)
        return Problem(code, params, line, column)

    def position(self, loc: Loc, *, at_key: bool = False) -> tuple[int, int]:
        """Line and column, counted from 1."""
        for depth in range(len(loc), -1, -1):
            part = loc[:depth]
            order = (self._keys, self._nodes) if at_key or depth < len(loc) else (self._nodes, self._keys)
            for table in order:
                if part in table:
                    mark = table[part].start_mark
                    return mark.line + 1, mark.column + 1
        return 1, 1

    def written(self, loc: Loc) -> str | None:
        """The scalar as it stands in the file, variables not yet read."""
        node = self._nodes.get(loc)
        return str(node.value) if isinstance(node, ScalarNode) else None

    def inside(self, loc: Loc, line: int, column: int) -> tuple[int, int]:
        """The place in the file of a line and column (from 1) of the text that ``loc`` leads to."""
        first, start = self.position(loc)
        node = self._nodes.get(loc)
        style = node.style if isinstance(node, ScalarNode) else None
        if style in ("|", ">"):
            return first + line, column
        if line > 1 or node is None or node.end_mark.line != node.start_mark.line:
            return first + line - 1, start
        return first, start + column - 1 + (1 if style else 0)

    def _build(self, node: Node, loc: Loc, above: tuple[int, ...]) -> Any:
        self._nodes[loc] = node
        self._count += 1
        if id(node) in above:
            raise ConfigurationError([self.problem("yaml_recursive", loc)], self.path)
        if self._count > MOST_NODES:
            raise ConfigurationError([self.problem("yaml_too_many", loc, most=MOST_NODES)], self.path)
        if len(loc) > DEEPEST:
            raise ConfigurationError([self.problem("yaml_too_deep", loc, most=DEEPEST)], self.path)
        above = (*above, id(node))
        if isinstance(node, MappingNode):
            return dict(self._pairs(node, loc, above))
        if isinstance(node, SequenceNode):
            return [self._build(item, (*loc, index), above) for index, item in enumerate(node.value)]
        return self._scalar(node, loc)

    def _pairs(self, node: MappingNode, loc: Loc, above: tuple[int, ...]) -> Iterator[tuple[str, Any]]:
        seen: dict[str, int] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            place = {"line": line, "column": key_node.start_mark.column + 1}
            if not isinstance(key_node, ScalarNode):
                self.problems.append(Problem("key_not_text", {}, **place))
                continue
            key = str(key_node.value)
            if str(key_node.tag).endswith(":merge"):
                self.problems.append(Problem("yaml_merge", {}, **place))
                continue
            if key in seen:
                self.problems.append(Problem("duplicate_key", {"key": key, "first": seen[key]}, **place))
                continue
            seen[key] = line
            self._keys[*loc, key] = key_node
            yield key, self._build(value_node, (*loc, key), above)

    def _scalar(self, node: Node, loc: Loc) -> Any:
        tag, text = str(node.tag), str(node.value)
        if not tag.startswith(TAG) or tag[len(TAG) :] not in PLAIN:
            self.problems.append(self.problem("yaml_tag", loc, tag=tag.removeprefix(TAG)))
            return None
        try:
            return PLAIN[tag[len(TAG) :]](text)
        except ValueError:
            # An hour without a date, an odd number: what is meant is decided by the key that wants it.
            return text


def _whole(text: str) -> int:
    plain = text.replace("_", "")
    return int(plain, 0) if plain.lstrip("+-")[:2].lower() in ("0x", "0o", "0b") else int(plain)


PLAIN: dict[str, Any] = {
    "str": str,
    "null": lambda text: None,
    "bool": lambda text: text.lower() == "true",
    "int": _whole,
    "float": lambda text: float(text.replace("_", "")),
    "timestamp": date.fromisoformat,
}


def read(path: Path) -> Source:
    """The file as data with places. Raises ``ConfigurationError`` if it is not one mapping in UTF-8 YAML."""
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        raise ConfigurationError([Problem("file_missing", {"file": str(path)})], str(path)) from None
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise ConfigurationError([Problem("configuration_unreadable", {"reason": reason})], str(path)) from error
    return parse(raw, str(path))


def parse(raw: bytes, path: str = "keepstep.yaml") -> Source:
    """As ``read``, from the file's bytes."""
    source = Source(path, _compose(_text(raw, path), path))
    if not isinstance(source.data, dict):
        code = "file_empty" if source.data is None and not source.problems else "file_not_a_mapping"
        raise ConfigurationError([Problem(code, {}, 1, 1)], path)
    return source


def _text(raw: bytes, path: str) -> str:
    if len(raw) > LARGEST:
        raise ConfigurationError([Problem("configuration_too_large", {"most": LARGEST // 1024})], path)
    for bom, name in FOREIGN_BOMS.items():
        if raw.startswith(bom):
            raise ConfigurationError([Problem("file_encoding", {"encoding": name}, 1, 1)], path)
    try:
        return raw.removeprefix(codecs.BOM_UTF8).decode("utf-8")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        column = error.start - raw.rfind(b"\n", 0, error.start)
        # The cause is left out on purpose: it carries the whole file.
        raise ConfigurationError([Problem("file_not_utf8", {}, line, column)], path) from None


def _compose(text: str, path: str) -> Node | None:
    # Composed only, not constructed: the nodes carry the places, and no tag can make an object.
    yaml = YAML(typ="rt")
    try:
        with warnings.catch_warnings():
            # An anchor may be set anew; the parser's warning would show a piece of the file.
            warnings.simplefilter("ignore", ReusedAnchorWarning)
            root: Node | None = yaml.compose(text)
    except RecursionError:
        raise ConfigurationError([Problem("yaml_too_deep", {"most": DEEPEST}, 1, 1)], path) from None
    except MarkedYAMLError as error:
        # Only the parser's words: its snippet of the file may show a secret, hence no cause either.
        mark = error.problem_mark or error.context_mark
        place = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        words = str(error.problem or error.context or "")
        code = "yaml_tab" if "'\\t'" in words else "yaml_syntax"
        raise ConfigurationError(
            [Problem(code, {"reason": words.splitlines()[0] if words else ""}, *place)], path
        ) from None
    except YAMLError as error:
        line = text.count("\n", 0, getattr(error, "position", 0) or 0) + 1
        raise ConfigurationError([Problem("yaml_character", {}, line, 1)], path) from None
    return root
