"""Settings come from four places in a fixed order; a wrong one is told where it was written."""

from pathlib import Path
from typing import Any

import pytest

from forestall.bootstrap import open_app
from forestall.errors import SettingsError
from forestall.guard import shadowing_problem
from forestall.settings import Settings, load_settings
from triggers.clock import WallClock


def problems(folder: Path, **overrides: object) -> tuple[str, ...]:
    with pytest.raises(SettingsError) as caught:
        load_settings(folder, **overrides)
    assert caught.value.exit_code == 2
    return caught.value.problems


def test_everything_has_a_default(tmp_path: Path) -> None:
    settings = load_settings(tmp_path)
    assert settings.home == Path(".forestall")
    assert settings.model is None
    assert settings.packs == ()


def test_the_environment_comes_before_dotenv_and_that_before_toml(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "forestall.toml").write_text('tenant = "toml"\nbatch = 1\nmodel = "small"\npacks = ["retail"]\n')
    (tmp_path / ".env").write_text("FORESTALL_TENANT=dotenv\nFORESTALL_BATCH=2\nOTHER=1\n")
    monkeypatch.setenv("FORESTALL_TENANT", "env")
    settings = load_settings(tmp_path)
    assert (settings.tenant, settings.batch, settings.model, settings.packs) == ("env", 2, "small", ("retail",))
    assert load_settings(tmp_path, tenant="option", batch=None).tenant == "option"


def test_packs_are_separated_by_commas(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORESTALL_PACKS", "retail, ./machines,")
    assert load_settings(tmp_path).packs == ("retail", "./machines")


def test_every_wrong_setting_is_told_with_its_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORESTALL_BATCH", "many")
    (tmp_path / ".env").write_text("FORESTALL_LOG_FORMAT=xml\nFORESTALL_WEBHOOK_URl=example.org/secret\n")
    (tmp_path / "forestall.toml").write_text("model_timeout_s = 0\ndebug = 3\n")
    told = problems(tmp_path)
    for start, rule in [
        ("FORESTALL_BATCH: 'many': ", "must be a whole number; correct it, or remove it for the default (8192)"),
        (f"{tmp_path / '.env'}: FORESTALL_LOG_FORMAT: 'xml': ", "must be 'text' or 'json'"),
        (f"{tmp_path / '.env'}: FORESTALL_WEBHOOK_URL: (hidden): ", "must begin with http:// or https://"),
        (f"{tmp_path / 'forestall.toml'}: model_timeout_s: 0: ", "must be greater than 0"),
        (f"{tmp_path / 'forestall.toml'}: debug: 3: ", "must be"),
    ]:
        assert any(each.startswith(start) and rule in each for each in told), (start, told)
    assert len(told) == 5
    assert "example.org" not in "\n".join(told)


@pytest.mark.parametrize("address", ["http://", "https://[", "http://x:port/", "http:///path"])
def test_an_address_names_a_host(address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORESTALL_WEBHOOK_URL", address)
    (told,) = problems(tmp_path)
    assert told.startswith("FORESTALL_WEBHOOK_URL: (hidden): names no host")


async def test_a_model_without_a_key_or_an_address_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "of another service")
    settings = load_settings(tmp_path, home=tmp_path / "home", model="some-model")
    with pytest.raises(SettingsError, match="FORESTALL_MODEL_API_KEY: not set"):
        async with open_app(settings, [], WallClock(), owner="test"):
            pass


async def test_a_key_of_another_service_is_never_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given: dict[str, Any] = {}
    monkeypatch.setattr("langchain_openai.ChatOpenAI", lambda **options: given.update(options))
    monkeypatch.setenv("OPENAI_API_KEY", "of another service")
    settings = load_settings(tmp_path, home=tmp_path / "home", model="local", model_base_url="http://127.0.0.1:9/v1")
    async with open_app(settings, [], WallClock(), owner="test"):
        assert given["api_key"].get_secret_value() == "none"


def test_a_misspelt_name_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORESTALL_TENNANT", "a")
    monkeypatch.setenv("FORESTALL_SOMETHING_OF_ANOTHER_TOOL", "a")
    (tmp_path / ".env").write_text("FORESTALL_HOEM=x\n")
    (tmp_path / "forestall.toml").write_text("modell = 'x'\n")
    assert problems(tmp_path) == (
        "FORESTALL_TENNANT: no such setting; did you mean FORESTALL_TENANT?",
        f"{tmp_path / '.env'}: FORESTALL_HOEM: no such setting; did you mean FORESTALL_HOME?",
        f"{tmp_path / 'forestall.toml'}: modell: no such setting; did you mean model?",
    )


def test_a_broken_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "forestall.toml").write_text("home = \n")
    assert "not TOML" in problems(tmp_path)[0]
    assert "line 1" in problems(tmp_path)[0]


def test_a_secret_is_shown_nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORESTALL_MODEL_API_KEY", "sk-very-secret")
    monkeypatch.setenv("FORESTALL_WEBHOOK_URL", "https://example.org/very-secret")
    settings = load_settings(tmp_path)
    assert settings.model_api_key is not None
    assert settings.model_api_key.get_secret_value() == "sk-very-secret"
    assert "very-secret" not in f"{settings!r} {settings} {settings.model_dump_json()}"


def test_every_setting_is_described() -> None:
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []


def test_the_rooms_are_ours() -> None:
    assert shadowing_problem() is None


def test_another_distribution_is_named(tmp_path: Path) -> None:
    told = shadowing_problem(tmp_path)
    assert told is not None
    assert told.startswith("agents: ")
    assert "an environment of its own" in told
