"""Pack Kokoro's voices for `kwsdata.stages.synthesize`: 54 voices x a few dozen style rows, as float16, about 1.6 MB.

The vectors come from the npm package `kokoro-js` (Apache-2.0), one file a voice: float32 [510, 256], where row n - 1
belongs to strings of n phonemes. Rows differ much among short strings and little among long ones, so every row up to
48 is kept and every 16th up to 256; a longer string takes the last.

    npm pack kokoro-js@1.2.1 && tar xzf kokoro-js-1.2.1.tgz
    python scripts/pack_kokoro_voices.py package/voices kwsdata/stages/synthesize/voices/kokoro_voices.npz
"""

import sys
from pathlib import Path

import numpy as np

ROWS = (*range(48), *range(48, 272, 16))
SHAPE = (510, 256)


def main(source: Path, target: Path) -> None:
    """Write the rows of every `*.bin` below `source` to `target`; the same files give the same bytes."""
    files = sorted(source.glob("*.bin"))
    if not files:
        raise SystemExit(f"{source} holds no voices (*.bin): unpack the npm package kokoro-js and give its voices/.")
    styles = [np.fromfile(file, "<f4").reshape(SHAPE)[list(ROWS)].astype(np.float16) for file in files]
    np.savez_compressed(
        target, names=np.array([file.stem for file in files]), rows=np.array(ROWS), styles=np.stack(styles)
    )
    print(f"{target}: {len(files)} voices x {len(ROWS)} rows, {target.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
