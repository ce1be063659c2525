"""What the REST backend makes of answers that a healthy server does not give."""

import httpx
import pytest

from mlops.errors import Conflict, Invalid, NotFound, Permanent, Transient
from mlops.registry.backend import Run
from mlops.registry.mlflow_rest import RestBackend


def answering(status, **content):
    return RestBackend("http://mlflow.test:5000", httpx.MockTransport(lambda _: httpx.Response(status, **content)))


def failing(error):
    def fail(request):
        raise error

    return RestBackend("http://user:secret@mlflow.test:5000", httpx.MockTransport(fail))


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (404, "RESOURCE_DOES_NOT_EXIST", NotFound),
        (400, "RESOURCE_ALREADY_EXISTS", Conflict),
        (400, "INVALID_PARAMETER_VALUE", Permanent),
        (403, "PERMISSION_DENIED", Permanent),
        (429, "REQUEST_LIMIT_EXCEEDED", Transient),
        (500, "INTERNAL_ERROR", Transient),
        (503, "TEMPORARILY_UNAVAILABLE", Transient),
    ],
)
def test_mlflows_codes_are_faults(status, code, kind):
    backend = answering(status, json={"error_code": code, "message": "because"})
    with pytest.raises(kind, match="because") as caught:
        backend.version("recipes", 1)
    assert type(caught.value) is kind


@pytest.mark.parametrize(
    "text",
    [
        "(sqlite3.IntegrityError) UNIQUE constraint failed: registered_model_aliases.name\n[SQL: INSERT …",
        '(psycopg2.errors.UniqueViolation) duplicate key value violates "model_version_tag_pk"\n[SQL: INSERT …',
    ],
)
def test_the_loser_of_two_first_writers_meets_a_conflict(text):
    with pytest.raises(Conflict, match="MLflow says") as caught:
        answering(400, json={"error_code": "BAD_REQUEST", "message": text}).set_alias("recipes", "champion", 1)
    assert "SQL: INSERT" not in caught.value.message


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_proxy_in_between_may_recover(status):
    with pytest.raises(Transient, match=f"answers {status}"):
        answering(status, text="<html>Bad gateway</html>").models()


@pytest.mark.parametrize(
    ("status", "text"),
    [(404, "<html>Not Found</html>"), (200, "<html>Welcome</html>"), (400, '"text"'), (302, "")],
)
def test_something_else_at_the_address_is_not_taken_for_a_missing_model(status, text):
    with pytest.raises(Permanent, match="not as MLflow does") as caught:
        answering(status, text=text).aliases("recipes")
    assert not isinstance(caught.value, NotFound)


@pytest.mark.parametrize("status", [401, 403])
def test_who_is_not_let_in_is_told_what_to_set(status):
    with pytest.raises(Permanent, match="does not let us in") as caught:
        answering(status, text="who are you?").models()
    assert "MLFLOW_TRACKING_USERNAME" in caught.value.hint


def test_a_refused_host_name_says_how_to_allow_it():
    with pytest.raises(Permanent) as caught:
        answering(403, text="Invalid Host header - possible DNS rebinding attack detected").models()
    assert "--allowed-hosts" in caught.value.hint


@pytest.mark.parametrize(
    "error",
    [
        httpx.ConnectError("refused"),
        httpx.ReadTimeout("slow"),
        httpx.RemoteProtocolError("closed"),
        httpx.ConnectTimeout(""),
    ],
)
def test_no_answer_is_transient_and_keeps_the_password(error):
    with pytest.raises(Transient, match=r"mlflow\.test:5000 does not answer") as caught:
        failing(error).models()
    assert "secret" not in caught.value.message


@pytest.mark.parametrize("uri", ["http://", "http://a:b:c", "http://host:99999"])
def test_an_address_that_is_none_is_invalid(uri):
    with pytest.raises(Invalid, match="not a web address"):
        RestBackend(uri)


def test_all_pages_are_read():
    pages = {
        "": {"registered_models": [{"name": "a"}], "next_page_token": "x&y"},
        "x&y": {"registered_models": [{"name": "b"}]},
    }
    transport = httpx.MockTransport(lambda request: httpx.Response(200, json=pages[request.url.params["page_token"]]))
    assert RestBackend("http://mlflow.test", transport).models() == ("a", "b")


@pytest.mark.parametrize("name", ["../../evil", "..", "a/b", "", "a\\b"])
def test_a_server_cannot_make_us_write_elsewhere(name, tmp_path):
    backend = answering(200, json={"files": [{"path": name, "is_dir": False}]})
    with pytest.raises(Permanent, match="names a file"):
        backend.download("mlflow-artifacts:/1/run/artifacts/model", tmp_path / "model")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_contains_itself_ends(tmp_path):
    backend = answering(200, json={"files": [{"path": "again", "is_dir": True}]})
    with pytest.raises(Permanent, match="no file"):
        backend.download("mlflow-artifacts:/1/run/artifacts/model", tmp_path / "model")


@pytest.mark.parametrize("root", ["file:///nowhere/1/r/artifacts", "s3://bucket/1/r/artifacts", "file:///a"])
def test_a_place_that_only_the_server_can_reach_is_refused(root, tmp_path):
    (tmp_path / "MLmodel").write_text("")
    with pytest.raises(Permanent, match="out of reach"):
        answering(200, json={}).upload(Run(run_id="r", artifact_uri=root), tmp_path)
