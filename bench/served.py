"""The hub as it is, with a folder of static pages beside its own: `python -m bench.served FOLDER run --settings FILE`.

What the pages are compared with has to come from the same server.
"""

from __future__ import annotations

import sys
from typing import Any

import main
from web import app as web_app


def run() -> None:
    """Start the hub's command line."""
    folder = sys.argv.pop(1)
    make_app = web_app.make_app

    def with_folder(*args: Any, **named: Any) -> Any:
        app = make_app(*args, **named)
        app.router.add_static("/bench/", folder)
        return app

    web_app.make_app = with_folder
    main.app()


if __name__ == "__main__":
    run()
