"""Write docs/reference.md from the commands, the schema of the params and the docstrings.

    python scripts/make_reference.py [--check]

tests/test_docs.py fails where the page is not what this writes.
"""

import ast
import inspect
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_type_hints

import typer

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import yaml

from kwsdata.params import Params
from kwsdata.params.base import Block
from kwsdata.params.files import home, read_merged

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "reference.md"
PACKAGES = ("kwsdata", "kwstrain")
LIMITS = {"minimum": ">=", "exclusiveMinimum": ">", "maximum": "<=", "exclusiveMaximum": "<", "minItems": "items >="}
WORDS = {"Path": "PATH", "str": "TEXT", "int": "N", "float": "X"}  # of the types of options
HEAD = """# Reference

Made by `python scripts/make_reference.py` from the commands' help, the schema of the params and the docstrings; a
test fails where this page and the code differ. See [the index](README.md) for what to read first.

- [Commands](#commands)
- [params.yaml](#paramsyaml)
- [Stages and the files they write](#stages-and-the-files-they-write)
- [Modules](#modules)
"""


def page() -> str:
    """Return the whole page."""
    return "\n".join([HEAD, *commands(), *params(), *stages(), *modules()]).rstrip() + "\n"


def commands() -> Iterator[str]:
    """Yield the commands of both programs, with arguments, options and examples."""
    yield "## Commands\n"
    for program in PACKAGES:
        group: Any = typer.main.get_command(__import__(f"{program}.cli", fromlist=["app"]).app)
        yield f"`{program}`: {group.help}\n"
        for name, command in leaves(group).items():
            said, _, example = command.help.partition("[bold]Example[/bold]")
            yield f"### {program} {name}\n"
            yield f"{said.strip()}\n"
            yield "```console"
            yield from filter(None, map(str.strip, example.splitlines()))
            yield "```\n"
            kinds = get_type_hints(command.callback)
            rows = [_option(option, kinds) for option in command.params if option.name != "help"]
            if rows:
                yield from ("| argument or option | default | |", "|---|---|---|", *rows, "")


def leaves(group: Any, before: str = "") -> dict[str, Any]:
    """Return {"split": its command, "experiments page": ...}: those of groups in the group, too."""
    found: dict[str, Any] = {}
    for name, each in group.commands.items():
        found |= leaves(each, f"{before}{name} ") if hasattr(each, "commands") else {f"{before}{name}": each}
    return found


def _option(option: Any, kinds: dict[str, Any]) -> str:
    argument = option.param_type_name == "argument"
    names = [option.name.upper()] if argument else [*option.opts, *option.secondary_opts]
    kind = next((f" {word}" for name, word in WORDS.items() if name in str(kinds[option.name]) and not argument), "")
    default = "required" if option.required else "" if option.default in (None, False) else f"`{option.default}`"
    said = (option.help or "").replace("[bold]", "").replace("[/bold]", "").replace("|", "\\|")
    return f"| `{', '.join(names)}{kind}` | {default} | {said} |"


def params() -> Iterator[str]:
    """Yield the blocks of params: every key, its type and limits, the project's value, and its file."""
    yield "## params.yaml\n"
    yield "Every number of the project, and the file that it stands in. Unknown keys are errors. `dvc exp run -S`"
    yield "`loss.gamma=2` changes one of params.yaml, `-S params/kwstrain.yaml:train.patience=9` one of another file.\n"
    schema = Params.model_json_schema(by_alias=True)
    values = read_merged(ROOT / "params.yaml", Params)
    blocks = {field.alias or name: field.annotation for name, field in Params.model_fields.items()}
    for name, block in blocks.items():
        assert isinstance(block, type) and issubclass(block, Block)
        yield f"### {name}\n"
        yield f"{inspect.getdoc(block)}\n"
        yield from ("| key | type | value | file |", "|---|---|---|---|")
        yield from _keys(schema, schema["properties"][name], name, "", values[name])
        yield ""


def _keys(schema: dict[str, Any], node: dict[str, Any], block: str, before: str, values: Any) -> Iterator[str]:
    node = _resolved(schema, node)
    for key, child in node.get("properties", {}).items():
        value = values.get(key) if isinstance(values, dict) else None
        inner = _resolved(schema, child)
        if set(inner.get("properties", {})) - {"low", "high"}:
            yield from _keys(schema, child, block, f"{before}{key}.", value)
        else:
            file = home(f"{block}.{before}{key}")
            yield f"| `{before}{key}` | {_type(schema, child)} | `{_shown(value)}` | `{file}` |"


def _resolved(schema: dict[str, Any], node: dict[str, Any]) -> dict[str, Any]:
    reference = node.get("$ref")
    return schema["$defs"][reference.rsplit("/", 1)[1]] if reference else node


def _type(schema: dict[str, Any], node: dict[str, Any]) -> str:
    if "anyOf" in node:
        return " or ".join(_type(schema, each) for each in node["anyOf"])
    node = _resolved(schema, node)
    if "enum" in node or "const" in node:
        return ", ".join(map(str, node.get("enum", [node.get("const")])))
    if set(node.get("properties", {})) == {"low", "high"}:
        return "range {low, high}"
    kind = str(node.get("type", "value"))
    if kind == "array":
        kind = f"list of {_type(schema, node.get('items', {}))}"
    limits = [f"{sign} {node[limit]:g}" for limit, sign in LIMITS.items() if limit in node]
    return " ".join([kind, ", ".join(limits)]).strip()


def _shown(value: Any) -> str:
    text = yaml.safe_dump(value, default_flow_style=True, width=1000).replace("\n...", "").strip()
    return (text if len(text) <= 60 else f"{text[:57]}...").replace("|", "\\|")


def stages() -> Iterator[str]:
    """Yield what each stage of dvc.yaml does, reads and writes: its docstrings."""
    yield "## Stages and the files they write\n"
    for stage, fields in yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"].items():
        program = fields["cmd"].split()[0]
        tree = ast.parse((ROOT / program / "stages" / stage / "stage.py").read_text())
        (run,) = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "run"]
        yield f"### {stage}\n"
        yield f"`{fields['cmd']}`: {fields['desc']} In Python: `{program}.stages.{stage}.stage.run`.\n"
        yield from ("```text", ast.get_docstring(tree) or "", "", ast.get_docstring(run) or "", "```\n")


def modules() -> Iterator[str]:
    """Yield every module with the first sentence of its docstring."""
    yield "## Modules\n"
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
            said = ast.get_docstring(ast.parse(path.read_text()))
            if said:
                yield f"- `{name}`: {' '.join(said.split(chr(10) * 2)[0].split())}"


def main() -> None:
    """Write the page, or with --check say whether it is current."""
    text = page()
    if "--check" in sys.argv:
        if not PAGE.exists() or PAGE.read_text() != text:
            raise SystemExit(f"{PAGE} is not current: python scripts/make_reference.py")
    else:
        PAGE.write_text(text)


if __name__ == "__main__":
    main()
