"""`python -m forestall.quality`: detectors, explanation, stories and crashes as tables; exit 1 when one falls short."""

import argparse
import sys
import tempfile
from pathlib import Path

from evals import Variant
from evals.quality import detectors, explanation
from forestall.quality import crashes, stories


def main() -> int:
    """Run what is asked for and print its tables."""
    parser = argparse.ArgumentParser(prog="python -m forestall.quality")
    parser.add_argument("what", nargs="*", help="any of detectors, explanation, stories, crashes; none: all")
    parser.add_argument("--seeds", type=int, default=500, help="seeds of detectors and explanation")
    parser.add_argument("--story-seeds", type=int, default=50, help="seeds a story")
    given = parser.parse_args()
    what = given.what or ["detectors", "explanation", "stories", "crashes"]
    passed = True
    if "detectors" in what:
        found = detectors.run(given.seeds)
        print(f"Detectors, {given.seeds} seeds\n{detectors.render(found)}\n", flush=True)
        passed &= found.passed
    if "explanation" in what:
        explained = explanation.run(given.seeds)
        print(f"Explanation, {given.seeds} seeds\n{explanation.render(explained)}\n", flush=True)
        passed &= explained.passed
    if "stories" in what:
        told = stories.run(given.story_seeds)
        print(f"Stories, {given.story_seeds} seeds each\n{stories.render(told)}\n", flush=True)
        passed &= all(each.passed for each in told)
    if "crashes" in what:
        with tempfile.TemporaryDirectory(prefix="forestall-crashes-") as folder:
            report = crashes.Crashes(Path(folder), Variant(seed=7)).run(idle_points=True)
        print(f"A crash at every commit point of the demo\n{crashes.render(report)}\n", flush=True)
        passed &= report.passed
    print("all within their bounds" if passed else "NOT within their bounds")
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
