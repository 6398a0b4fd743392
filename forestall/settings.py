"""Settings: the environment, then `.env`, then `forestall.toml`, then the default."""

import difflib
import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from dotenv import dotenv_values
from pydantic import BeforeValidator, Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict
from pydantic_settings import TomlConfigSettingsSource as TomlSource

from forestall.errors import SettingsError

PREFIX = "FORESTALL_"
DOTENV = ".env"
TOML = "forestall.toml"

_SECRET = frozenset({"model_api_key", "webhook_url", "model_base_url", "pulsar_token", "pulsar_oauth2_private_key"})
"""Never shown: a key, and addresses, which may carry one."""

_ADVICE = {
    "int_parsing": "must be a whole number",
    "int_type": "must be a whole number",
    "float_parsing": "must be a number",
    "float_type": "must be a number",
    "bool_parsing": "must be true or false",
    "bool_type": "must be true or false",
    "string_type": "must be text; put it in quotes",
    "string_pattern_mismatch": "must be small letters, digits, - and _, at most 64, a letter or digit first",
    "too_short": "must not be empty",
    "path_type": "must be a path, as text",
    "extra_forbidden": "no such setting",
}


def _split(value: object) -> object:
    """`a, b` as a list; a list stays one."""
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def _host(address: str) -> str | None:
    try:
        parts = urlsplit(address)
        return parts.hostname if parts.port != 0 else None
    except ValueError:  # brackets that do not close, a port that is none
        return None


class Settings(BaseSettings):
    """What may be set, each as `FORESTALL_<NAME>` or as `<name>` in `forestall.toml`."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="ignore", hide_input_in_errors=True)

    home: Path = Field(default=Path(".forestall"), description="folder of the ledger and of everything that is kept")
    packs: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)] = Field(
        default=(), description="packs to run, by name or path, separated by commas"
    )
    tenant: str = Field(
        default="default", pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$", description="tenant of the events received"
    )
    batch: int = Field(default=8_192, ge=1, le=10_000, description="events committed at once, at most")
    retention_days: int = Field(
        default=90, ge=2, le=36_500, description="days that ended incidents and the journal are kept; episodes stay"
    )
    repetition_days: int = Field(
        default=7, ge=1, le=365, description="days in which an event that comes again is known as such"
    )
    model: str | None = Field(default=None, min_length=1, description="name of a chat model; none: no model is asked")
    model_base_url: str | None = Field(default=None, repr=False, description="address of an OpenAI-compatible service")
    model_api_key: SecretStr | None = Field(default=None, description="key for that service")
    model_timeout_s: float = Field(default=30.0, gt=0, le=600, description="seconds that a model may take to answer")
    webhook_url: SecretStr | None = Field(default=None, description="address that is told when a person is needed")
    broker: Literal["embedded", "pulsar"] | None = Field(
        default=None,
        description="which broker is used; by default pulsar where pulsar_url is set, else the embedded one",
    )
    pulsar_url: str | None = Field(default=None, description="a Pulsar's service URL: pulsar:// or pulsar+ssl://")
    pulsar_web_url: str | None = Field(
        default=None, description="its address for REST calls; by default the same host, port 8080 (TLS: 8443)"
    )
    pulsar_namespace: str = Field(
        default="public/default", description="tenant and namespace of topics that are named without"
    )
    pulsar_token: SecretStr | None = Field(default=None, min_length=1, description="token (JWT) that says who we are")
    pulsar_token_file: Path | None = Field(default=None, description="file of the token; read anew at each connection")
    pulsar_tls_trust_certs: Path | None = Field(default=None, description="file of the certificates (PEM) to trust")
    pulsar_oauth2_issuer_url: str | None = Field(default=None, description="address that issues tokens (OAuth 2.0)")
    pulsar_oauth2_audience: str | None = Field(default=None, description="whom those tokens are for")
    pulsar_oauth2_scope: str | None = Field(default=None, description="what those tokens shall allow")
    pulsar_oauth2_private_key: SecretStr | None = Field(
        default=None, description="file of the client's credentials (JSON), as a path or file:// address"
    )
    pulsar_initial: Literal["earliest", "latest"] = Field(
        default="earliest", description="where a new subscription begins"
    )
    pulsar_receiver_bytes: int = Field(
        default=128 * 1024 * 1024,
        ge=1024 * 1024,
        description="bytes of messages that wait in memory for each partition that is read, about",
    )
    pulsar_dist: Path | None = Field(
        default=None, description="folder of an unpacked Pulsar for forestall dev pulsar; none: it is fetched"
    )
    log_format: Literal["text", "json"] = Field(default="text", description="how the log is written")
    debug: bool = Field(default=False, description="log more, and show where an unexpected fault happened")

    @field_validator("model_base_url", "webhook_url", "pulsar_web_url", "pulsar_oauth2_issuer_url")
    @classmethod
    def _is_address(cls, value: str | SecretStr | None) -> str | SecretStr | None:
        text = value.get_secret_value() if isinstance(value, SecretStr) else value
        if text is not None and not text.startswith(("http://", "https://")):
            raise ValueError("must begin with http:// or https://; write the whole address")
        if text is not None and not _host(text):
            raise ValueError("names no host; write the whole address, such as https://example.org/path")
        return value

    @field_validator("pulsar_url")
    @classmethod
    def _is_service(cls, value: str | None) -> str | None:
        if value is not None and not value.startswith(("pulsar://", "pulsar+ssl://")):
            raise ValueError("must begin with pulsar:// or pulsar+ssl://; write it like pulsar://broker:6650")
        scheme, _, hosts = (value or "pulsar://host").partition("://")
        if not all(_host(f"{scheme}://{host}") for host in hosts.split(",")):
            raise ValueError("names no host, or a port that is none; write it like pulsar://broker:6650")
        return value

    @field_validator("pulsar_namespace")
    @classmethod
    def _is_namespace(cls, value: str) -> str:
        if not re.fullmatch(r"[\w.=:-]+/[\w.=:-]+", value, re.ASCII):
            raise ValueError("must be a tenant and a namespace; write it like public/default")
        return value

    @field_validator("pulsar_token_file", "pulsar_tls_trust_certs")
    @classmethod
    def _is_readable(cls, value: Path | None) -> Path | None:
        if value is not None and not (value.is_file() and os.access(value, os.R_OK)):
            raise ValueError("must be a file that can be read; correct the path, or let this user read it")
        return value

    @field_validator("pulsar_token_file", "pulsar_oauth2_issuer_url")
    @classmethod
    def _says_once_who_we_are(cls, value: object, info: ValidationInfo) -> object:
        other = next((name for name in ("pulsar_token", "pulsar_token_file") if info.data.get(name)), None)
        if value is not None and other is not None and other != info.field_name:
            raise ValueError(f"cannot be set together with {other}; remove one of the two")
        return value

    @field_validator("pulsar_oauth2_private_key")
    @classmethod
    def _has_an_issuer(cls, value: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        issuer = info.data.get("pulsar_oauth2_issuer_url", "")
        if value is not None and issuer is None:
            raise ValueError("is of use with pulsar_oauth2_issuer_url only; set that, too, or remove this")
        return value

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        folder = Path(getattr(dotenv_settings, "env_file", None) or DOTENV).parent
        return (init_settings, env_settings, dotenv_settings, TomlSource(settings_cls, folder / TOML))


def load_settings(folder: Path | None = None, **overrides: Any) -> Settings:
    """The settings for a working folder (the current one by default); `overrides` come first, None left out.

    Raises:
        SettingsError: a line for each wrong setting, with where it was set, its value (never a secret's), the rule
            and what to do.
    """
    here = folder or Path()
    given = {name: value for name, value in overrides.items() if value is not None}
    origins = _Origins(here, given)
    problems = list(origins.unknown())
    try:
        settings = Settings(_env_file=here / DOTENV, **given)
    except ValidationError as error:
        problems += [_line(detail, origins) for detail in error.errors()]
    if problems:
        raise SettingsError(problems)
    return settings


class _Origins:
    """Who set what. Reads the two files as text, so that a mistake can name its place."""

    def __init__(self, folder: Path, overrides: Mapping[str, Any]) -> None:
        self.dotenv, self.toml = folder / DOTENV, folder / TOML
        self._overrides = overrides
        self._env = {name.upper(): value for name, value in os.environ.items() if name.upper().startswith(PREFIX)}
        self._dotenv = {name.upper(): value for name, value in _read_dotenv(self.dotenv).items()}
        self._toml = _read_toml(self.toml)

    def of(self, name: str) -> tuple[str, object]:
        """How the setting was written, and its value."""
        variable = PREFIX + name.upper()
        if name in self._overrides:
            return f"--{name.replace('_', '-')}", self._overrides[name]
        if variable in self._env:
            return variable, self._env[variable]
        if variable in self._dotenv:
            return f"{self.dotenv}: {variable}", self._dotenv[variable]
        return f"{self.toml}: {name}", self._toml.get(name)

    def unknown(self) -> Iterator[str]:
        """Names that are no setting. In the environment, which others share, only those that look like one of ours."""
        known = [PREFIX + name.upper() for name in Settings.model_fields]
        for variable in sorted(set(self._env) - set(known)):
            if close := difflib.get_close_matches(variable, known, n=1, cutoff=0.85):
                yield f"{variable}: no such setting; did you mean {close[0]}?"
        for variable in sorted(name for name in self._dotenv if name.startswith(PREFIX) and name not in known):
            yield f"{self.dotenv}: {variable}: no such setting; {_nearest(variable, known)}"
        for name in sorted(set(self._toml) - set(Settings.model_fields)):
            yield f"{self.toml}: {name}: no such setting; {_nearest(name, list(Settings.model_fields))}"


def _nearest(name: str, known: list[str]) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    return f"did you mean {close[0]}?" if close else f"known: {', '.join(known)}"


def _read_dotenv(file: Path) -> Mapping[str, str | None]:
    try:
        return dotenv_values(file) if file.is_file() else {}
    except UnicodeDecodeError:
        raise SettingsError([f"{file}: not UTF-8; save the file as UTF-8"]) from None


def _read_toml(file: Path) -> Mapping[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError([f"{file}: not TOML: {error}; correct the file"]) from None


def _line(detail: ErrorDetails, origins: _Origins) -> str:
    name = str(detail["loc"][0])
    where, value = origins.of(name)
    told = "(hidden)" if name in _SECRET or "@" in str(value) else repr(value)
    return f"{where}: {told}: {_rule(detail, name)}"


def _rule(detail: ErrorDetails, name: str) -> str:
    rule = _ADVICE.get(detail["type"]) or detail["msg"].removeprefix("Value error, ").replace("Input should", "must")
    default = Settings.model_fields[name].default
    return rule if ";" in rule else f"{rule}; correct it, or remove it for the default ({default})"
