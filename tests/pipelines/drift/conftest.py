import pytest

from pipelines.drift.telemetry import quiet_import

with quiet_import():  # before any test imports it, which would warn, and warnings are errors
    import evidently
    import evidently.metrics
    import evidently.presets
    import evidently.tests  # noqa: F401


@pytest.fixture(autouse=True)
def nobody_is_called(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test of drift may open a connection: Evidently is not to report on its use."""

    def refuse(*_: object) -> None:
        raise AssertionError("something wants to open a connection")

    monkeypatch.setattr("socket.socket.connect", refuse)
