"""A standing Ray for tests that drive it from their own process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pipeline.ray_head import local_ray


@contextmanager
def standing_ray(folder: Path) -> Iterator[str]:
    """A Ray as `autoroto repro` starts one, with this process attached to it; yields its address."""
    import ray
    from ray._raylet import AuthenticationTokenLoader, Config

    with pytest.MonkeyPatch.context() as patch, local_ray(folder / "ray.log") as environment:
        for name, value in environment.items():
            patch.setenv(name, value)
        # Ray reads these variables when it is imported, which has happened.
        Config.initialize("")
        AuthenticationTokenLoader.instance().reset_cache()
        address = environment["RAY_ADDRESS"]
        # Workers see neither the driver's folder nor its path; installed packages they do, the tests' toys they do not.
        ray.init(address=address, log_to_driver=False, runtime_env={"env_vars": {"PYTHONPATH": str(Path.cwd())}})
        try:
            yield address
        finally:
            ray.shutdown()
