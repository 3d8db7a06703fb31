/* Wake words in C: the TFLite Micro front end, a streaming INT8 TFLite model, and the rule of ESPHome's manifest.

     detect MODEL.tflite CUTOFF_OF_255 WINDOW < sound.raw        16 kHz mono int16; a line for each detection
     detect MODEL.tflite CUTOFF_OF_255 0      < sound.raw        or for each output: time in s, output of 256

   It starts as ESPHome does: from the states in the file, which are those of silence, and deaf for a second.
   Build: see docs/deploy.md. The C API of TensorFlow Lite is declared here as far as it is used, and the front end's
   settings are those of ESPHome. On a microcontroller the same three parts are TensorFlow Lite Micro's own. */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct FrontendConfig {
    struct { size_t size_ms, step_size_ms; } window;
    struct { int num_channels; float upper_band_limit, lower_band_limit; int output_scale_shift; } filterbank;
    struct { int smoothing_bits; float even_smoothing, odd_smoothing, min_signal_remaining; } noise_reduction;
    struct { int enable_pcan; float strength, offset; int gain_bits; } pcan_gain_control;
    struct { int enable_log, scale_shift; } log_scale;
};
struct FrontendOutput { const uint16_t *values; size_t size; };
void FrontendFillConfigWithDefaults(struct FrontendConfig *);
int FrontendPopulateState(const struct FrontendConfig *, void *state, int sample_rate);
struct FrontendOutput FrontendProcessSamples(void *state, const int16_t *, size_t count, size_t *count_read);

void *TfLiteModelCreateFromFile(const char *path);
void *TfLiteInterpreterCreate(const void *model, const void *options);
int TfLiteInterpreterAllocateTensors(void *), TfLiteInterpreterInvoke(void *);
void *TfLiteInterpreterGetInputTensor(const void *, int32_t);
const void *TfLiteInterpreterGetOutputTensor(const void *, int32_t);
int32_t TfLiteTensorDim(const void *, int32_t axis);
int TfLiteTensorCopyFromBuffer(void *, const void *, size_t), TfLiteTensorCopyToBuffer(const void *, void *, size_t);

/* The front end comes from a Python module that is used without Python: what it would take from there, never read. */
void *PyExc_ValueError;
char _Py_NoneStruct[64];

enum { MELS = 40, HOP = 160, MAX_STRIDE = 16, MAX_WINDOW = 64, SILENT_FRAMES = 100 };

static int8_t quantised(uint16_t value) { /* 0 .. 670 to -128 .. 127, as ESPHome has it */
    int q = (value * 256 + 333) / 666 - 128;
    return (int8_t)(q > 127 ? 127 : q);
}

int main(int argc, char **argv) {
    void *model = argc == 4 ? TfLiteModelCreateFromFile(argv[1]) : NULL;
    void *interpreter = model ? TfLiteInterpreterCreate(model, NULL) : NULL;
    if (!interpreter || TfLiteInterpreterAllocateTensors(interpreter)) {
        fprintf(stderr, "usage: detect MODEL.tflite CUTOFF_OF_255 WINDOW < sound.raw\n");
        return 1;
    }
    void *input = TfLiteInterpreterGetInputTensor(interpreter, 0);
    int cutoff = atoi(argv[2]), window = atoi(argv[3]), stride = TfLiteTensorDim(input, 1);
    if (window < 0 || window > MAX_WINDOW || stride < 1 || stride > MAX_STRIDE) return 1;

    struct FrontendConfig config;
    FrontendFillConfigWithDefaults(&config);
    config.window.size_ms = 30, config.window.step_size_ms = 10;
    config.filterbank.num_channels = MELS;
    config.filterbank.lower_band_limit = 125, config.filterbank.upper_band_limit = 7500;
    config.pcan_gain_control.enable_pcan = config.log_scale.enable_log = 1;
    static union { max_align_t align; char bytes[4096]; } frontend; /* struct FrontendState is smaller */
    if (!FrontendPopulateState(&config, &frontend, 16000)) return 1;

    int8_t frames[MAX_STRIDE][MELS];
    uint8_t last[MAX_WINDOW] = {0};
    int filled = 0, silent = SILENT_FRAMES, count = 0;
    int16_t sound[HOP];
    for (long samples = 0; fread(sound, sizeof *sound, HOP, stdin) == HOP;) {
        size_t used;
        struct FrontendOutput frame = FrontendProcessSamples(&frontend, sound, HOP, &used);
        samples += HOP;
        if (silent > 0) silent--;
        if (!frame.size) continue;
        for (int mel = 0; mel < MELS; mel++) frames[filled][mel] = quantised(frame.values[mel]);
        if (++filled < stride) continue;
        filled = 0;
        uint8_t output;
        TfLiteTensorCopyFromBuffer(input, frames, (size_t)stride * MELS);
        if (TfLiteInterpreterInvoke(interpreter)) return 1;
        TfLiteTensorCopyToBuffer(TfLiteInterpreterGetOutputTensor(interpreter, 0), &output, 1);
        if (!window) { printf("%.3f\t%d\n", samples / 16000.0, output); continue; }
        last[count++ % window] = output;
        int sum = 0;
        for (int i = 0; i < window; i++) sum += last[i];
        if (sum > cutoff * window && !silent) {
            printf("%.3f\t%.4f\n", samples / 16000.0, sum / 256.0 / window);
            memset(last, 0, sizeof last), silent = SILENT_FRAMES;
        }
    }
    return 0;
}
