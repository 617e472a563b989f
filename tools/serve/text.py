"""What the page of `serve` says, as HTML, in which names and sentences stay what they are."""

from collections.abc import Iterable
from html import escape

from .session import Outcome


def alert(sentences: Iterable[str]) -> str:
    """Sentences that a screen reader says at once."""
    return "".join(f'<p role="alert">{escape(sentence)}</p>' for sentence in sentences)


def table(name: str, row: dict) -> str:
    """What imaging.renderings.numbers says of a picture."""
    rows = {"size": f"{row['width']} × {row['height']}", "in focus": f"{row['in_focus']:.1%}"}
    if row["in_focus"]:
        rows["its centre"] = f"{row['centre_x']:.0f}, {row['centre_y']:.0f}"
        rows["its box"] = f"{row['left']}, {row['top']} to {row['right']}, {row['bottom']}"
    rows |= {"decidedness": f"{row['decidedness']:.2f}", "sharpness": f"{row['sharpness']:.2f}"}
    lines = "".join(f'<tr><th scope="row">{what}</th><td>{value}</td></tr>' for what, value in rows.items())
    return f"<table><caption>{escape(name)}</caption>{lines}</table>"


def report(outcomes: list[Outcome]) -> str:
    """What became of many pictures: how many are done, and each of them, failures first."""
    done = sum(outcome.done for outcome in outcomes)
    lines = "".join(
        f'<tr class="{"done" if done else "failed"}"><td>{escape(picture)}</td><td>{escape(what)}</td></tr>'
        for picture, what, done in sorted(outcomes, key=lambda outcome: outcome.done)
    )
    head = '<tr><th scope="col">picture</th><th scope="col">its map, or what is wrong</th></tr>'
    return f'<p role="status">{done} of {len(outcomes)} done</p><table>{head}{lines}</table>'
