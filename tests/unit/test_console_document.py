"""What runs the guide can itself fail: a line that is not printed, an exit code, a block without a command."""

import pytest

from tests.builders.console_document import Command, File, Shell, missing, steps_of

DOCUMENT = """
Text, and a block that nobody runs:

```
$ rm -rf /
```

```yaml title="a.yaml"
kind: Model
```

```console about slow
$ recipes get
recipes-1-1-0   12%
$ false
$ echo $?
1
```
"""


def test_files_and_commands_come_in_the_documents_order():
    assert steps_of(DOCUMENT) == [
        File("a.yaml", "kind: Model\n", 8),
        Command("recipes get", ("recipes-1-1-0   12%",), 13, about=True, slow=True),
        Command("false", (), 15, about=True, slow=True, may_fail=True),
        Command("echo $?", ("1",), 16, about=True, slow=True),
    ]


def test_a_block_begins_with_a_command():
    with pytest.raises(ValueError, match="line 2: a console block begins with a command"):
        steps_of("\n```console\nprinted\n```\n")


@pytest.mark.parametrize(
    ("case", "promised", "printed", "about", "first_missing"),
    [
        ("the same", ["a", "b"], "a\nb\n", False, None),
        ("others between", ["a", "b"], "a\nx\nb\n", False, None),
        ("another order", ["b", "a"], "a\nb\n", False, "a"),
        ("a line twice", ["a", "a"], "a\n", False, "a"),
        ("the width of a table", ["NAME  AGE"], "NAME     AGE\n", False, None),
        ("any text", ["id: …, k: 1"], "id: 9-f, k: 1\n", False, None),
        ("any text, but not any end", ["id: …, k: 1"], "id: 9-f, k: 2\n", False, "id: …, k: 1"),
        ("a part of a line", ["a"], "ab\n", False, "a"),
        ("a point is a point", ["1.5"], "1x5\n", False, "1.5"),
        ("another number", ["took 12 ms"], "took 3.25 ms\n", False, "took 12 ms"),
        ("about a number", ["took 12 ms"], "took 3.25 ms\n", True, None),
        ("about a number, not about none", ["took 12 ms"], "took long ms\n", True, "took 12 ms"),
        ("about a loss", ["-0.02 lost"], "-0.5 lost\n", True, None),
        ("a version is no measurement", ["1.1.0 12%"], "1.2.0 12%\n", True, "1.1.0 12%"),
        ("a name is none", ["recipes-1-1-0 12%"], "recipes-1-1-2 12%\n", True, "recipes-1-1-0 12%"),
    ],
)
def test_an_output_holds_what_is_promised(case, promised, printed, about, first_missing):
    assert missing(Command("", tuple(promised), 1, about), printed) == first_missing, case


def test_a_shell_remembers_and_tells_codes(tmp_path):
    shell = Shell(tmp_path, {"PATH": "/usr/bin:/bin"}, seconds=10)
    try:
        assert shell.run("ask() { printf '%s' \"$1\"; }; cd /") == (0, "\n")
        assert shell.run("ask here; pwd >&2") == (0, "here/\n\n")
        assert shell.run("false")[0] == 1
        assert shell.run("echo $?") == (0, "1\n\n")
    finally:
        shell.close()


def test_a_command_that_does_not_end_is_told(tmp_path):
    shell = Shell(tmp_path, {"PATH": "/usr/bin:/bin"}, seconds=0.1)
    try:
        with pytest.raises(TimeoutError, match=r"longer than 0\.1 s"):
            shell.run("sleep 60")
    finally:
        shell.close()
