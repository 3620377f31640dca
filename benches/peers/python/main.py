"""Usage: main.py ways | main.py verify OPTION... | main.py call OPTION...      see ../README.md"""

import argparse
import json
import pathlib
import platform
import sys

import calls
import libraries
from measure import measure


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("form", choices=["ways", "verify", "call"])
    for name in ("tokens", "jwk", "algorithm", "issuer", "audience", "target", "way"):
        parser.add_argument(f"--{name}")
    parser.add_argument("--seconds", type=float)
    return parser.parse_args()


def main(args):
    if args.form == "ways":
        print(json.dumps({**libraries.PYJWT, "runtime": f"Python {platform.python_version()}"}))
        return
    tokens = pathlib.Path(args.tokens).read_text().split()
    if args.form == "verify" and args.way == libraries.PYJWT["way"]:
        jwk = json.loads(pathlib.Path(args.jwk).read_text())
        work = libraries.verifying(tokens, jwk, args.algorithm, args.issuer, args.audience)
        about = {name: libraries.PYJWT[name] for name in ("library", "version")}
    elif args.form == "call" and args.way in calls.WAYS:
        work = calls.calling(args.way, tokens, args.target)
        about = calls.CALLER
    else:
        raise ValueError(f"there is no way {args.way} to {args.form}")
    measure(args.seconds, {**about, "way": args.way}, work)


if __name__ == "__main__":
    try:
        main(arguments())
    except Exception as error:  # whatever it is, in one line
        sys.exit(f"{type(error).__name__}: {' '.join(str(error).split())}")
