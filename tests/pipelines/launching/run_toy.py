"""Count with several ranks, as a program.

python -m tests.pipelines.launching.run_toy FOLDER STEPS [--processes N | --ray N] [--trouble NAME]
"""

import argparse
import logging
import sys
from functools import partial
from pathlib import Path

from pipelines.errors import PipelineError
from pipelines.launch import launch
from pipelines.launched import end_in_one_line, follow_launcher, is_rank, log_level
from tests.pipelines.launching.toy import count
from training.errors import TrainingError
from training.world import open_world


def main() -> None:
    """Launch, or be a rank."""
    logging.basicConfig(level=log_level(), format="%(message)s", stream=sys.stderr)
    follow_launcher()
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("steps", type=int)
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--ray", type=int, default=0)
    parser.add_argument("--trouble", default="none")
    try:
        _run(parser.parse_args())
    except (TrainingError, PipelineError) as error:
        end_in_one_line(error)


def _run(given: argparse.Namespace) -> None:
    work = partial(count, given.folder, given.steps, given.trouble)
    if given.ray:
        from pipelines.ray_train import RayOptions, train_on_ray

        train_on_ray(work, given.folder, {}, RayOptions(given.ray, threads=1, max_failures=1))
    elif given.processes > 1 and not is_rank():
        command = [sys.executable, "-m", "tests.pipelines.launching.run_toy", *sys.argv[1:]]
        launch(command, given.processes, threads=1)
    else:
        with open_world("cpu") as world:
            work(world)


if __name__ == "__main__":
    main()
