"""What can go wrong between the rooms.

PipelineError
├── ParamsError       params.yaml has an unknown key or an impossible value
├── StageError        a stage's input does not fit it; the message names the stage to rerun
├── TrackingError     MLflow cannot be reached, or a run, model or alias is not there
├── PolicyError       a gate policy cannot be read, or makes no sense
├── ChampionError     the model in force cannot be compared with a candidate
├── NotReleasedError  a bundle that its gate has not passed was to be registered
├── ModelError        a pretrained model is unknown, absent, or not the pinned one
├── LaunchError       processes that train together could not be started, or one of them failed
├── SweepError        what was to be swept over is impossible, or nothing of it ran
├── LoadError         a server cannot be put under load
└── ProductionError   what a machine that answers for real must not do
"""


class PipelineError(Exception):
    """Base of all errors of the `pipelines` package."""


class ParamsError(PipelineError):
    """`params.yaml` has an unknown key or an impossible value."""


class StageError(PipelineError):
    """A stage's input does not fit it; the message names the stage to rerun."""


class TrackingError(PipelineError):
    """MLflow cannot be reached, or a run, model or alias is not there."""


class PolicyError(PipelineError):
    """A gate policy cannot be read, or makes no sense."""


class ChampionError(PipelineError):
    """The model in force cannot be compared with a candidate."""


class NotReleasedError(PipelineError):
    """A bundle that its gate has not passed was to be registered."""


class ModelError(PipelineError):
    """A pretrained model is unknown, absent, or not the pinned one."""


class LaunchError(PipelineError):
    """Processes that train together could not be started, or one of them failed."""


class SweepError(PipelineError):
    """What was to be swept over is impossible, or nothing of it ran."""


class LoadError(PipelineError):
    """A server cannot be put under load: wrong address, not ready, or nothing to send."""


class ProductionError(PipelineError):
    """EXAMGATE_PRODUCTION is set, and something was asked that belongs on a workbench."""
