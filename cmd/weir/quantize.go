package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"text/tabwriter"

	"github.com/weir-project/weir/engine"
	"github.com/weir-project/weir/engine/convert"
	"github.com/weir-project/weir/engine/gguf"
	"github.com/weir-project/weir/engine/quant"
)

func modelQuantizeCommand() *command {
	return &command{
		name: "quantize", args: "MODEL.gguf OUT.gguf", min: 2, max: 2,
		summary: "write a model with its matrices in a smaller type",
		long: "Types, from fine to coarse: " + strings.Join(convert.MixNames(), ", ") + `.
The _M mixes keep the matrices that hurt most when coarse in a finer type. Vectors and routers stay as they are; rows
that a type's blocks do not divide get the nearest type that fits. A model larger than memory passes through. OUT is
complete or not there.`,
		examples: []string{
			"weir model quantize model-f16.gguf model-q4.gguf",
			"weir model quantize model-f16.gguf model-q8.gguf --type Q8_0",
		},
		setup: func(f *flag.FlagSet) runFunc {
			q := &modelQuantize{}
			f.StringVar(&q.mix, "type", "Q4_K_M", "`name` of the type or mix")
			f.IntVar(&q.threads, "threads", runtime.NumCPU(), "worker `threads`")
			f.BoolVar(&q.again, "requantize", false, "allow a source that is quantised already; the errors add up")
			f.BoolVar(&q.force, "force", false, "replace OUT if it exists")
			return q.run
		},
	}
}

type modelQuantize struct {
	mix          string
	threads      int
	again, force bool
}

func (q *modelQuantize) run(ctx context.Context, e env, args []string) error {
	mix, err := convert.MixNamed(q.mix)
	if err != nil {
		return usagef("--type: %v", err)
	}
	in, out := args[0], args[1]
	if _, err := os.Stat(out); err == nil && !q.force {
		return fmt.Errorf("%s exists; --force replaces it", out)
	}
	f, unmap, err := engine.MapFile(in)
	if err != nil {
		return err
	}
	defer unmap()
	tenth := int64(0)
	const slow = 50e6 // values; less is done before anyone wonders
	w, err := convert.Quantize(ctx, f, mix, convert.Options{
		Threads: q.threads, Requantize: q.again,
		Progress: func(done, total int64) {
			if now := done * 10 / max(1, total); now > tenth && total > slow {
				tenth = now
				fmt.Fprintf(e.err, "%3d %%\n", 10*now)
			}
		},
	})
	if err != nil {
		return fmt.Errorf("%s: %w", in, err)
	}
	n, err := writeWhole(out, w)
	if err != nil {
		return fmt.Errorf("%s: %w", out, err)
	}
	printTypes(e.out, f, w)
	fmt.Fprintf(e.out, "wrote %s: %s\n", out, size(n))
	return nil
}

// writeWhole writes a file beside path and gives it its name once all of it is on the disk.
func writeWhole(path string, w io.WriterTo) (n int64, err error) {
	part := path + ".part"
	file, err := os.Create(part)
	if err != nil {
		return 0, err
	}
	n, err = w.WriteTo(file)
	if err == nil {
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close()); err == nil {
		err = os.Rename(part, path)
	}
	if err != nil {
		return n, errors.Join(err, os.Remove(part))
	}
	return n, nil
}

// printTypes tells how many tensors went from which type to which.
func printTypes(to io.Writer, f *gguf.File, w *gguf.Writer) {
	type change struct{ from, to quant.Type }
	counts := map[change]int{}
	var order []change
	for i := range w.Tensors {
		c := change{f.Tensors[i].Type, w.Tensors[i].Type}
		if counts[c] == 0 {
			order = append(order, c)
		}
		counts[c]++
	}
	t := tabwriter.NewWriter(to, 0, 4, 2, ' ', 0)
	defer t.Flush()
	for _, c := range order {
		fmt.Fprintf(t, "%d tensors\t%s\t->\t%s\n", counts[c], c.from, c.to)
	}
}
