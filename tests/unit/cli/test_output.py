"""Tables fit the terminal, or each row is told by itself: no text is ever cut to a sliver."""

import pytest

from calwarden.cli.output import Output

COLUMNS = ["Item", "Claim", "What to do", "Who"]
LONG = "Nothing can be corrected until the payer has processed the claim: wait for its answer"
ROWS = [["1", "cl-1", LONG, ""], ["12", "cl-22", "short", "rosa"]]


@pytest.fixture
def printed(capsys, monkeypatch):
    """Print the table in a terminal of some width and return its lines."""

    def show(width, columns=COLUMNS, rows=ROWS, wide=("What to do",)):
        monkeypatch.setenv("COLUMNS", str(width))
        Output(as_json=False).table(columns, rows, wide=wide)
        return [line.rstrip() for line in capsys.readouterr().out.splitlines()]

    return show


def test_a_table_that_fits_stands_in_columns(printed):
    """The wide column is broken, the others are not."""
    lines = printed(80)
    assert [word for word in COLUMNS if word in lines[0]] == COLUMNS
    assert all(len(line) <= 80 for line in lines)


def test_a_table_that_does_not_fit_is_told_row_by_row(printed):
    """With the name of each column; what is empty is left out."""
    lines = printed(38)
    assert lines[0] == "Item 1"
    assert lines[1].split() == ["Claim", "cl-1"]
    assert not any(line.split()[:1] == ["Who"] for line in lines[: lines.index("Item 12")])
    assert lines[-1].split() == ["Who", "rosa"]
    words = " ".join(" ".join(lines[: lines.index("Item 12")]).split())
    assert LONG.replace(" ", "") in words.replace(" ", "")


@pytest.mark.parametrize("width", [20, 40, 60, 80, 120])
def test_no_line_is_wider_than_the_terminal(printed, width):
    """Whatever stands in the table."""
    rows = [["1", "a-very-long-ref-of-some-claim", LONG, "somebody"]]
    assert all(len(line) <= width for line in printed(width, rows=rows))


def test_an_empty_table_has_its_heads(printed):
    """Without rows nothing can be too wide."""
    assert "Claim" in printed(40, rows=[])[0]
