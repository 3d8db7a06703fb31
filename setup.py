"""Put the pipeline's files into the wheel, below kwsdata/tools/project/shipped, where `kwsdata init` finds them."""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

# What a new project is made of; a checkout has these files at its root alone.
SHIPPED = ("dvc.yaml", "params.yaml", "params/*.yaml", ".dvcignore", "review/excluded.txt", "data/*/README.md")


class BuildWithPipeline(build_py):
    """The usual build, and then the files of `SHIPPED`."""

    def run(self) -> None:
        """Build; an editable install reads the checkout's own files."""
        super().run()
        if self.editable_mode:
            return
        root = Path(__file__).resolve().parent
        for pattern in SHIPPED:
            found = sorted(root.glob(pattern))
            if not found:
                raise FileNotFoundError(f"{pattern} is missing below {root}: the wheel would make no projects")
            for path in found:
                target = Path(self.build_lib, "kwsdata", "tools", "project", "shipped", path.relative_to(root))
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, target)


setup(cmdclass={"build_py": BuildWithPipeline})
