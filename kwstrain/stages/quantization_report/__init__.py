"""Stage `quantization_report`: float and int8 side by side on the same continuous sound."""
