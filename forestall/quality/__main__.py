"""`python -m forestall.quality`: detectors, explanation and stories as tables; exit 1 when one falls short."""

import argparse
import sys

from evals.quality import detectors, explanation
from forestall.quality import stories


def main() -> int:
    """Run what is asked for and print its tables."""
    parser = argparse.ArgumentParser(prog="python -m forestall.quality")
    parser.add_argument("what", nargs="*", help="any of detectors, explanation, stories; none: all")
    parser.add_argument("--seeds", type=int, default=500, help="seeds of detectors and explanation")
    parser.add_argument("--story-seeds", type=int, default=50, help="seeds a story")
    given = parser.parse_args()
    what = given.what or ["detectors", "explanation", "stories"]
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
    print("all within their bounds" if passed else "NOT within their bounds")
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
