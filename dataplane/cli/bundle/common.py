"""The shared names under one roof."""

from dataplane.cli.bundle.answers import *  # noqa: F403
from dataplane.cli.bundle.options import *  # noqa: F403
from dataplane.cli.bundle.targets import *  # noqa: F403
