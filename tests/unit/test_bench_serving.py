"""The parts of `make bench` that decide: who is asked what, what counts as reached, and what is written where."""

import pytest

from mlops.retrieval.search import Search
from mlops.retrieval.understanding import understand
from tests.bench.serving import flame
from tests.bench.serving.figures import DISTINCT, Cell, Figure, Figures, Turn
from tests.bench.serving.queries import SPACE, Questions, query
from tests.bench.serving.report import parts, write
from tests.bench.serving.targets import targets

SIZE = 100_000


def turn(per_second, *, errors=0, cpu_ms=1.0):
    return Turn(requests=per_second * 2, seconds=2, p50_ms=1, p99_ms=2, cpu_ms=cpu_ms, errors=errors, others=0)


def served(**per_second):
    """Figures of a run in which each way answered so many requests a second at every concurrency."""
    return Figures(served={
        Cell(size=SIZE, traffic=DISTINCT, connections=connections, way=way): Figure.of([turn(rate)])
        for way, rate in per_second.items()
        for connections in (1, 8, 32)
    })  # fmt: skip


def verdict(figures, text):
    (found,) = (each for each in targets(figures) if text in each.text)
    return found.reached


def test_no_distinct_question_comes_twice():
    questions = Questions()

    asked = [*questions.distinct(20_000), *questions.distinct(20_000)]

    assert len(set(asked)) == 40_000
    assert not set(asked) & set(questions.zipf(20_000)), "nor is one of the repeated kind among them"


def test_zipf_traffic_repeats_its_first_question_most():
    asked = Questions().zipf(20_000)

    counts = {text: asked.count(text) for text in (query(0), query(1), query(9))}
    assert counts[query(0)] > counts[query(1)] > counts[query(9)] > 20


def test_there_is_an_end_to_questions_and_it_is_said():
    with pytest.raises(ValueError, match="there are"):
        query(SPACE)


def test_a_figure_is_the_median_and_an_error_is_never_averaged_away():
    figure = Figure.of([turn(10), turn(30, errors=1), turn(20)])

    assert (figure.per_second, figure.errors, figure.turns) == (20, 1, 3)


@pytest.mark.parametrize(("ours", "reached"), [(450, True), (449, False)])
def test_throughput_is_judged_against_naive(ours, reached):
    assert verdict(served(naive=10, ours=ours), "throughput at 32, x naive") is reached


def test_the_best_of_the_others_counts_in_whatever_number_of_processes():
    figures = served(ours=180, mlserver=60, **{"litserve-wide": 100})

    assert verdict(figures, "throughput at 32, x the best of the others (litserve-wide)") is True


def test_what_was_not_measured_is_open():
    assert verdict(Figures(), "throughput at 32, x naive") is None


@pytest.mark.parametrize(("overlap", "broken"), [(0.95, []), (0.949, ["overlap@10 with exact fp32, 100,000 recipes"])])
def test_wrong_answers_break_a_floor_and_slow_ones_do_not(overlap, broken):
    figures = served(naive=10, ours=1)
    figures.agreement.append({"way": "ours", "size": SIZE, "among": "all", "overlap": overlap, "passed": 1.0})

    assert [each.text for each in targets(figures) if each.floor and each.reached is False] == broken


def test_an_error_breaks_a_floor():
    figures = Figures(
        served={Cell(size=SIZE, traffic=DISTINCT, connections=1, way="ours"): Figure.of([turn(1, errors=1)])}
    )

    assert [each.text for each in targets(figures) if each.floor and each.reached is False] == ["errors, ours"]


def test_figures_come_back_from_their_file(tmp_path):
    figures = served(naive=10, ours=450)
    figures.quality["hybrid, fp32"] = 0.8

    figures.save(tmp_path / "figures.json")

    assert Figures.load(tmp_path / "figures.json") == figures


def test_only_what_was_measured_is_written_and_words_stay(tmp_path):
    document = tmp_path / "performance.md"
    document.write_text(
        "Words.\n<!-- overload -->\nold\n<!-- end of overload -->\n<!-- batches -->\nkept\n<!-- end of batches -->\n"
    )
    figures = Figures(
        overload={"size": 10, "capacity": 1, "rate": 3, "seconds": 1, "normal_p99_ms": 1, "goodput": 1, "phases": []}
    )

    write(document, figures)

    text = document.read_text()
    assert text.startswith("Words.\n<!-- overload -->\n10 recipes.")
    assert "old" not in text
    assert "kept" in text
    assert set(parts(figures)) == {"overload"}


def test_a_document_without_its_markers_is_refused(tmp_path):
    document = tmp_path / "performance.md"
    document.write_text("Words.\n")

    with pytest.raises(ValueError, match="no markers `batches`"):
        write(document, Figures(batches=[{"name": "building", "ours": 1, "plain": 3, "ratio": 3, "of": "ten"}]))


@pytest.mark.parametrize(("name", "function"), [("translation", understand), ("embedding and ranking", Search.find)])
def test_a_stage_of_the_profile_is_where_the_code_is(name, function):
    frame = f"{function.__qualname__} ({function.__module__.replace('.', '/')}.py:1)"
    assert [stage for stage, where in flame.WHERE.items() if where.search(frame)] == [name]
