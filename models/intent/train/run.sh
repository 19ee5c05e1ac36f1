#!/usr/bin/env bash
# Trains the bundled model from nothing: run.sh WORKDIR. Resumes where it stopped.
# MINUTES bounds each of the three trainings (default 90; two cores read 8,000 to 10,000 tokens/s as student).
set -euo pipefail
work=$1
minutes=${MINUTES:-90}
here=$(cd "$(dirname "$0")" && pwd)
python=${PYTHON:-/usr/bin/python3} # Debian's python3-torch and python3-numpy
mkdir -p "$work/out"
(cd "$here" && go build -o "$(realpath "$work")/gen" ./gen)
cd "$work"
[ -s vocab.json ] || ./gen -n 1000 -seed 1 -train-vocab 40000 -size 4096 -vocab vocab.json -out first.bin
[ -s train.bin ] || ./gen -n 400000 -seed 7707 -vocab vocab.json -out train.bin
[ -s held.bin ] || ./gen -n 2000 -seed 9001 -eval -vocab vocab.json -out held.bin -jsonl held.jsonl

train() { # NAME ARGS: one network, resumed by its checkpoint
	local name=$1
	shift
	"$python" "$here/train.py" --data train.bin --vocab vocab.json --out out --name "$name" --minutes "$minutes" --tokens 4096 --threads "$(nproc)" --seed 7 "$@"
	"$python" "$here/eval.py" --net "out/$name.pt" --vocab vocab.json --data held.bin
}
train teacher --net teacher
train student --net student                              # the undistilled control
train distilled --net student --teacher out/teacher.pt
"$python" "$here/export.py" --net out/distilled.pt --vocab vocab.json --out intent.gguf
echo "wrote $work/intent.gguf; judge it: weir eval intent --model $work/intent.gguf"
