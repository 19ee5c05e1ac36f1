#!/usr/bin/env bash
# Trains the bundled model from nothing: run.sh WORKDIR. Resumes where it stopped.
# MINUTES bounds the first training (default 90); teacher and the two last students get half of it each.
# Two cores read about 10,000 tokens/s as student, 7,000 as teacher.
set -euo pipefail
work=$1
minutes=${MINUTES:-90}
half=$((minutes / 2))
here=$(cd "$(dirname "$0")" && pwd)
python=${PYTHON:-/usr/bin/python3} # Debian's python3-torch and python3-numpy
mkdir -p "$work/out"
(cd "$here" && go build -o "$(realpath "$work")/gen" ./gen)
cd "$work"
[ -s vocab.json ] || ./gen -n 1000 -seed 1 -train-vocab 60000 -size 4608 -vocab vocab.json -out first.bin
[ -s train.bin ] || ./gen -n 600000 -seed 7707 -vocab vocab.json -out train.bin
[ -s held.bin ] || ./gen -n 2000 -seed 9001 -eval -vocab vocab.json -out held.bin -jsonl held.jsonl

train() { # NAME MINUTES ARGS: one network, resumed by its checkpoint
	local name=$1 time=$2
	shift 2
	"$python" "$here/train.py" --data train.bin --vocab vocab.json --out out --name "$name" --minutes "$time" --tokens 4096 --threads "$(nproc)" --seed 7 --set '{"drop":0.05}' "$@"
	"$python" "$here/eval.py" --net "out/$name.pt" --vocab vocab.json --data held.bin
}
train trunk "$minutes" --net student --finish 0.6
train teacher "$half" --net teacher --grow out/trunk.pt --begin 0.25
train student "$half" --net student --init out/trunk.pt --begin 0.4 # the undistilled control
train distilled "$half" --net student --init out/trunk.pt --begin 0.4 --teacher out/teacher.pt
"$python" "$here/mean.py" out/mean.pt out/distilled.pt out/student.pt
for name in teacher student distilled mean; do
	"$python" "$here/export.py" --net "out/$name.pt" --vocab vocab.json --out "$name.gguf"
done
echo "judge them: weir eval intent --model $work/mean.gguf, distilled.gguf, student.gguf, teacher.gguf"
