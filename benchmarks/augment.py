"""Time the augmentation chain beside its peers, and effect by effect beside its floor.

    OMP_NUM_THREADS=1 python benchmarks/augment.py [--clips 240] [--rounds 5]

Peers (`pip install audiomentations torch-audiomentations`) are left out where they are not installed. Times are CPU
times, each clip's best of the rounds, whose order alternates, so that another load on the machine weighs on all alike
and as little as can be; every round draws the same. Every chain reads FLAC bytes, applies a change of speed, pitch,
reverb, noise and gain to every clip, and writes the same kind of shard: with our reader and writer, which are lent to
the peers, and once with soundfile and Lhotse's own. "Speed" is changed twice over: by resampling, and (pitch kept) by
stretching, which is what audiomentations has its `TimeStretch` for.
"""

import argparse
import io
import os
import random
import shutil
import tempfile
import time
import warnings
from collections.abc import Callable
from functools import lru_cache
from importlib.metadata import version
from itertools import chain as joined
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import soundfile
from lhotse.shar.writers import AudioTarWriter, JsonlShardWriter
from scipy.fft import irfft, next_fast_len, rfft

from kwsdata.audio import SAMPLE_RATE, Waveform, decode_flac, encode_flac
from kwsdata.clips.manifests import audio_sha256, make_cut
from kwsdata.clips.shards import Clip, ahead, batches, shard_cuts, write_shard
from kwsdata.clips.view import ClipView
from kwsdata.effects import chain
from kwsdata.effects.amplifier import ClippingDraw, LoudnessDraw
from kwsdata.effects.base import Take
from kwsdata.effects.line import CodecDraw, TelephoneDraw
from kwsdata.effects.microphone import BandLimitDraw, EqualizerDraw
from kwsdata.effects.mixing import BabbleDraw, NoiseDraw
from kwsdata.effects.recipe import Recipe
from kwsdata.effects.room import ReverbDraw
from kwsdata.effects.scene import ContextDraw, ShiftDraw
from kwsdata.effects.voice import PitchDraw, SpeedDraw, TempoDraw
from kwsdata.execution.memory import keep_freed_memory, leave_imports_uncollected
from kwsdata.params.base import Range
from kwsdata.pools.materials import Materials
from kwsdata.pools.sounds import Sound, SoundPool
from kwsdata.rooms.bank import RirBank, load_bank, to_stored
from kwsdata.stages.augment.shard import make_clips
from kwsdata.transforms.engine import engine_for

SPEED, SEMITONES, SNR_DB, LEVEL = (
    Range(low=low, high=high) for low, high in ((0.9, 1.1), (-3, 3), (0, 20), (-30, -15))
)
RIR_S = 0.5
COPIES = 6
NOISE_S = 10.0
FLOOR = ("decode", "FFT + inverse, clip + 0.5 s", "encode")  # what reading, one convolution and writing take at least
_SLOW_ROUNDS = 2


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--clips", type=int, default=240, help="clips a round")
    options.add_argument("--rounds", type=int, default=5)
    arguments = options.parse_args()
    warnings.simplefilter("ignore")
    print(f"{os.cpu_count()} cores; load of the machine before: {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory() as scratch:
        bench = Bench(Path(scratch), arguments.clips)
        for seconds in (1.0, 3.0):
            bench.chains(seconds, arguments.rounds)
        bench.effects(arguments.rounds)


def speech_like(seed: int, seconds: float) -> Waveform:
    """Return a voice-like sound: a gliding harmonic source under a syllable rhythm, a little breath."""
    rng = np.random.default_rng(seed)
    time_s = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    phase = 2 * np.pi * np.cumsum(rng.uniform(90, 220) * (1 + 0.1 * np.sin(2 * np.pi * 1.3 * time_s))) / SAMPLE_RATE
    voice = sum(np.sin(k * phase) / k for k in range(1, 25)) + 0.05 * rng.standard_normal(time_s.size)
    return (0.15 * voice * np.abs(np.sin(2 * np.pi * 2 * time_s))).astype(np.float32)


def cpu_ms(function: Callable[[], object], rounds: int, repeats: int = 5) -> float:
    """Return the CPU milliseconds of one call, the best of `rounds`."""
    function()
    best = float("inf")
    for _ in range(rounds):
        start = time.process_time()
        for _ in range(repeats):
            function()
        best = min(best, (time.process_time() - start) / repeats)
    return best * 1e3


class Bench:
    """Sounds on disk, and what is timed on them."""

    def __init__(self, root: Path, clips: int) -> None:
        self.root, self.count = root, clips
        self.chain_ms: dict[str, list[float]] = {"speed": [], "tempo": []}
        keep_freed_memory()  # as the stage does; what runs beside it profits as much
        self.engine = engine_for("fast", "cpu")
        self.materials = Materials(self._rirs(), self._pool("noise", NOISE_S), self._pool("speech", 5.0))

    def _rirs(self) -> RirBank:
        clips = []
        (self.root / "rir_files").mkdir()
        for number in range(8):
            decay = np.exp(-6.9 * np.arange(round(RIR_S * SAMPLE_RATE)) / (RIR_S * SAMPLE_RATE))
            wave = (np.random.default_rng(number).standard_normal(decay.size) * decay * 0.1).astype(np.float32)
            wave[40] = 1.0
            stored, gain = to_stored(wave)
            cut = make_cut(f"rir{number}", wave.size, custom={"gain": gain, "audio_sha256": audio_sha256(stored)})
            clips.append(Clip(cut, stored))
            soundfile.write(self.root / "rir_files" / f"{number}.wav", stored, SAMPLE_RATE)
        write_shard(self.root / "rirs", 0, clips, 24)
        return load_bank(self.root / "rirs")

    def _pool(self, kind: str, seconds: float) -> SoundPool:
        (self.root / f"{kind}_files").mkdir()
        clips = []
        for number in range(8):
            noise = 0.1 * np.random.default_rng(100 + number).standard_normal(round(seconds * SAMPLE_RATE))
            wave = noise.astype(np.float32) if kind == "noise" else speech_like(number, seconds)
            clips.append(Clip(make_cut(f"{kind}{number}", wave.size), wave))
            soundfile.write(self.root / f"{kind}_files" / f"{number}.wav", wave, SAMPLE_RATE)
        write_shard(self.root / kind, 0, clips)
        sounds = {cut.id: Sound(ClipView(cut).place, cut.num_samples, cut.id) for cut in shard_cuts(self.root / kind)}
        return SoundPool(sounds)

    def chains(self, seconds: float, rounds: int) -> None:
        """Print clips a second and core of every chain on clips of `seconds`."""
        waves = [speech_like(number, seconds) for number in range(self.count)]
        self.packed = [encode_flac(wave) for wave in waves]
        self.cuts = [
            make_cut(f"clip{number:04d}", wave.size, custom={"label": "keyword", "audio_sha256": audio_sha256(wave)})
            for number, wave in enumerate(waves)
        ]
        for kind in ("speed", "tempo"):
            runs = {"kwsdata": lambda kind=kind: self.ours(kind)}
            runs["kwsdata, 6 copies"] = lambda kind=kind: self.ours(kind, COPIES)
            runs |= _audiomentations(self, kind) | _torch_audiomentations(self, kind)
            each = {name: self._timed(run) for name, run in runs.items()}  # the first time for caches and compilers
            leave_imports_uncollected()  # as the stage does, for all alike
            for number in range(rounds):
                for name in list(runs) if number % 2 else list(runs)[::-1]:
                    if number >= _SLOW_ROUNDS and each[name].sum() > 5 * each["kwsdata"].sum():
                        continue  # its time matters no more
                    each[name] = np.minimum(each[name], self._timed(runs[name]))
            best = {name: float(spent.sum()) for name, spent in each.items()}
            print(f"\n{kind} + pitch + reverb + noise + gain, {seconds:g} s clips, FLAC in, shard out")
            print(f"{'':44}{'ms a clip':>10}{'clips/s/core':>14}{'kwsdata is':>13}")
            self.chain_ms[kind].append(best["kwsdata"] / self.count * 1e3)
            for name, spent in best.items():
                ms = spent / self.count * 1e3
                ours = "kwsdata, 6 copies" if name.endswith("copies") else "kwsdata"
                print(f"{name:44}{ms:10.2f}{1e3 / ms:14.0f}{spent / best[ours]:12.1f}x")

    def _timed(self, run: Callable[[], None]) -> np.ndarray:
        """Return the CPU seconds between the clips of a run, and those before the first and after the last."""
        random.seed(0)
        np.random.seed(0)  # noqa: NPY002 # what audiomentations draws from
        for name in ("ours", "am", "ta"):
            shutil.rmtree(self.root / name, ignore_errors=True)  # a stage writes new files, it replaces none
        self.stamps = [time.process_time()]
        run()
        return np.diff([*self.stamps, time.process_time()])

    def ours(self, kind: str, copies: int = 1) -> None:
        """Read, augment and write every clip; or, as the stage does, every `copies`th clip `copies` times."""

        def drawn():
            waves = ahead(decode_flac(data) for data in self.packed[::copies])
            for number, cut in enumerate(self.cuts):
                rng = np.random.default_rng(number)
                if number % copies == 0:
                    parent, wave = cut, next(waves)
                materials = self.materials
                factor = float(np.exp(rng.uniform(np.log(SPEED.low), np.log(SPEED.high))))
                recipe = Recipe.of(
                    number % copies,
                    SpeedDraw(factor) if kind == "speed" else TempoDraw(factor),
                    PitchDraw(SEMITONES.draw(rng)),
                    ReverbDraw(materials.rirs.choose(float(rng.random()))),
                    NoiseDraw(materials.noises.choose(float(rng.random())), float(rng.random()), SNR_DB.draw(rng)),
                    LoudnessDraw(LEVEL.draw(rng)),
                )
                self.stamps.append(time.process_time())
                yield parent, wave, recipe

        made = (make_clips(batch, self.materials, self.engine) for batch in batches(drawn()))
        write_shard(self.root / "ours", 0, joined.from_iterable(made))

    def theirs(self, name: str, augmented: Callable[[Waveform], Waveform], copies: int = 1) -> None:
        """Do the same with another library."""

        def clips():
            waves = ahead(decode_flac(data) for data in self.packed[::copies])
            for number, cut in enumerate(self.cuts):
                if number % copies == 0:
                    parent = next(waves)
                self.stamps.append(time.process_time())
                wave = augmented(parent)
                yield Clip(make_cut(cut.id, wave.size, custom=cut.custom), wave)

        write_shard(self.root / name, 0, clips())

    def with_common_tools(self, name: str, augmented: Callable[[Waveform], Waveform]) -> None:
        """Do the same with another library, read by soundfile and written by Lhotse, as without ours."""
        folder = self.root / name
        folder.mkdir()
        with (
            AudioTarWriter(str(folder / "recording.000000.tar"), shard_size=None) as tar,
            JsonlShardWriter(str(folder / "cuts.000000.jsonl.gz"), shard_size=None) as rows,
        ):
            for data, cut in zip(self.packed, self.cuts, strict=True):
                self.stamps.append(time.process_time())
                wave = augmented(soundfile.read(io.BytesIO(data), dtype="float32")[0])
                made = make_cut(cut.id, wave.size, custom=cut.custom)
                tar.write(cut.id, wave[None], SAMPLE_RATE, manifest=made.recording)
                rows.write(made)

    def effects(self, rounds: int) -> None:
        """Print each effect's time on clips of 1 s and 3 s beside the floor: decoding, transforms, encoding."""
        rows: dict[str, list[float]] = {}
        for seconds in (1.0, 3.0):
            for name, function in self._effects(speech_like(1, seconds)).items():
                rows.setdefault(name, []).append(cpu_ms(function, rounds))
        rows |= {f"chain: {kind}": spent for kind, spent in self.chain_ms.items()}
        floor = np.sum([rows[name] for name in FLOOR], axis=0)
        print(f"\n{'CPU ms, one thread; and in floors':44}{'1 s':>8}{'3 s':>8}{'1 s':>8}{'3 s':>8}")
        for name, spent in {**rows, "floor: decode + FFT + encode": floor}.items():
            print(f"{name:44}" + "".join(f"{value:8.3f}" for value in [*spent, *(spent / floor)]))

    def _effects(self, wave: Waveform) -> dict[str, Callable[[], object]]:
        data = encode_flac(wave)
        size = next_fast_len(wave.size + self.materials.rirs.filter("rir1").taps.size - 1, real=True)
        take = Take.of(wave, (0, wave.size), self.engine)

        def applied(draw: object) -> Callable[[], object]:
            (effect,) = [effect for effect in chain.EFFECTS if effect.draw_type is type(draw)]
            return lambda: effect.apply(take, draw, self.materials).settled()

        return {
            "decode": lambda: decode_flac(data),
            "encode": lambda: encode_flac(wave),
            "FFT + inverse, clip + 0.5 s": lambda: irfft(rfft(wave, size), size),
            "copy of the clip": lambda: wave.copy(),
            "speed 1.1": applied(SpeedDraw(1.1)),
            "tempo 0.9": applied(TempoDraw(0.9)),
            "pitch +2": applied(PitchDraw(2.0)),
            "speed 1.1 + pitch +2 (one warp)": lambda: take.warped(1.1 * 2 ** (2 / 12), 1.1).settled(),
            "context": applied(ContextDraw(1.0, 0.5)),
            "shift": applied(ShiftDraw(0.03)),
            "reverb, 0.5 s response": applied(ReverbDraw("rir1")),
            "noise: stretch": lambda: self.materials.noises.stretch("noise1", wave.size, 0.2),
            "noise": applied(NoiseDraw("noise1", 0.2, 10.0)),
            "babble, 5 voices": applied(BabbleDraw([f"speech{n}" for n in range(5)], [0.1, 0.3, 0.5, 0.7, 0.9], 10.0)),
            "equalizer": applied(EqualizerDraw([3, -3, 3, -3, 3])),
            "band limit": applied(BandLimitDraw(200, 5000)),
            "loudness": applied(LoudnessDraw(-20)),
            "clipping": applied(ClippingDraw(0.05)),
            "telephone, mu-law": applied(TelephoneDraw("mulaw")),
            "telephone, GSM": applied(TelephoneDraw("gsm")),
            "MP3 round trip": applied(CodecDraw("mp3", 0.6)),
            "Opus round trip": applied(CodecDraw("opus", 0.6)),
        }


def _audiomentations(bench: Bench, kind: str) -> dict[str, Callable[[], None]]:
    try:
        import audiomentations as am
    except ImportError:
        print("audiomentations is not installed: left out")
        return {}
    speed = am.Resample(round(SAMPLE_RATE * SPEED.low), round(SAMPLE_RATE * SPEED.high), p=1.0)  # heard as speed
    chain = am.Compose(
        [
            speed if kind == "speed" else am.TimeStretch(SPEED.low, SPEED.high, leave_length_unchanged=False, p=1.0),
            am.PitchShift(SEMITONES.low, SEMITONES.high, p=1.0),
            am.ApplyImpulseResponse(str(bench.root / "rir_files"), p=1.0),
            am.AddBackgroundNoise(str(bench.root / "noise_files"), SNR_DB.low, SNR_DB.high, p=1.0),
            am.Gain(-12, 0, p=1.0),
        ]
    )
    name = f"audiomentations {am.__version__}"

    def augmented(wave: Waveform) -> Waveform:
        return chain(wave, sample_rate=SAMPLE_RATE)

    def run(copies: int = 1) -> None:
        bench.theirs("am", augmented, copies)

    return {
        name: run,
        f"{name}, 6 copies": lambda: run(COPIES),
        f"{name}, soundfile and Lhotse": lambda: bench.with_common_tools("am", augmented),
    }


def _torch_audiomentations(bench: Bench, kind: str) -> dict[str, Callable[[], None]]:
    if kind == "tempo":
        return {}  # neither it nor torchaudio changes the tempo of a wave
    try:
        import torch
        import torch_audiomentations as ta
        import torchaudio
    except ImportError:
        print("torch-audiomentations is not installed: left out")
        return {}
    torch.set_num_threads(1)
    _give_back_info_and_load(torch, torchaudio)
    common = {"p": 1.0, "sample_rate": SAMPLE_RATE, "output_type": "dict"}
    # It has no change of speed: torchaudio's is used, with the factors it has kernels for.
    speed = torchaudio.transforms.SpeedPerturbation(SAMPLE_RATE, [0.9, 1.1])
    chain = ta.Compose(
        [
            ta.PitchShift(SEMITONES.low, SEMITONES.high, **common),
            ta.ApplyImpulseResponse(str(bench.root / "rir_files"), **common),
            ta.AddBackgroundNoise(str(bench.root / "noise_files"), SNR_DB.low, SNR_DB.high, **common),
            ta.Gain(-12, 0, **common),
        ],
        output_type="dict",
    )

    def augmented(wave: Waveform) -> Waveform:
        with torch.inference_mode():
            faster, _ = speed(torch.from_numpy(wave)[None])
            return chain(faster[None], sample_rate=SAMPLE_RATE).samples[0, 0].numpy()

    def run() -> None:
        torch.manual_seed(0)
        bench.theirs("ta", augmented)

    return {f"torch-audiomentations {version('torch-audiomentations')}": run}


def _give_back_info_and_load(torch, torchaudio) -> None:
    """Give torchaudio the two functions it lost in 2.9, which torch-audiomentations calls; files stay decoded."""

    @lru_cache
    def read(path: str):
        wave, rate = soundfile.read(path, dtype="float32", always_2d=True)
        return torch.from_numpy(wave.T.copy()), rate

    def info(path, **_):
        wave, rate = read(str(path))
        return SimpleNamespace(num_frames=wave.shape[1], sample_rate=rate, num_channels=wave.shape[0])

    def load(path, frame_offset: int = 0, num_frames: int = -1, **_):
        wave, rate = read(str(path))
        return wave[:, frame_offset : None if num_frames < 0 else frame_offset + num_frames], rate

    torchaudio.info, torchaudio.load = info, load


if __name__ == "__main__":
    main()
