package main

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"weir": main})
}

// TestScript runs the command as people do: processes, files and exit codes. Beside testscript's
// own commands a script has
//
//	code N COMMAND...           the command ends with exit code N
//	await FILE                  waits until a file exists, 20 s at most
//	ready DIR                   waits until a gateway answers on a data directory, 20 s at most
//	post DIR KEYFILE BODYFILE   posts a chat completion; sets $REQUEST and $RECEIPT
//	load VARIABLE FILE          sets a variable to a file's text, or to stdout's
//	flip FILE                   flips a bit in the middle of a file
//
// $PARITY is the folder of small random models.
func TestScript(t *testing.T) {
	parity, err := filepath.Abs("../../engine/parity/testdata")
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Setup: func(e *testscript.Env) error {
			e.Setenv("PARITY", parity)
			return nil
		},
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"code": scriptCode, "await": scriptAwait, "ready": scriptReady, "post": scriptPost, "load": scriptLoad, "flip": scriptFlip,
		},
	})
}

// want checks the number of arguments and that a command is not negated.
func want(ts *testscript.TestScript, neg bool, args []string, usage string) {
	if n := len(strings.Fields(usage)) - 1; neg || len(args) < n || len(args) > n && !strings.HasSuffix(usage, "...") {
		ts.Fatalf("usage: %s", usage)
	}
}

func scriptCode(ts *testscript.TestScript, neg bool, args []string) {
	want(ts, neg, args, "code N COMMAND...")
	n, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	err = ts.Exec(args[1], args[2:]...)
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != n {
		ts.Fatalf("exit code %d, want %d", got, n)
	}
}

// eventually waits until a condition holds.
func eventually(ts *testscript.TestScript, what string, holds func() bool) {
	const patience = 20 * time.Second
	for started := time.Now(); !holds(); time.Sleep(10 * time.Millisecond) {
		if time.Since(started) > patience {
			ts.Fatalf("%s: not after %s", what, patience)
		}
	}
}

func scriptAwait(ts *testscript.TestScript, neg bool, args []string) {
	want(ts, neg, args, "await FILE")
	eventually(ts, args[0]+" exists", func() bool {
		_, err := os.Stat(ts.MkAbs(args[0]))
		return err == nil
	})
}

func scriptReady(ts *testscript.TestScript, neg bool, args []string) {
	want(ts, neg, args, "ready DIR")
	eventually(ts, "a gateway answers on "+args[0], func() bool {
		// An earlier system may have left the file behind, so somebody must answer.
		url, err := os.ReadFile(ts.MkAbs(args[0] + "/" + fileURL))
		if err != nil {
			return false
		}
		resp, err := http.Get(strings.TrimSpace(string(url)) + "/v1/models")
		if err != nil {
			return false
		}
		ts.Check(resp.Body.Close())
		return true
	})
}

func scriptPost(ts *testscript.TestScript, neg bool, args []string) {
	want(ts, false, args, "post DIR KEYFILE BODYFILE")
	url := strings.TrimSpace(ts.ReadFile(args[0]+"/"+fileURL)) + "/v1/chat/completions"
	key, body := strings.TrimSpace(ts.ReadFile(args[1])), ts.ReadFile(args[2])
	var resp *http.Response
	var answer []byte
	// A node that has just started is not known at the gateway before its first heartbeat.
	eventually(ts, "a node is there", func() bool {
		req, err := http.NewRequest(http.MethodPost, url, strings.NewReader(body))
		ts.Check(err)
		req.Header.Set("Authorization", "Bearer "+key)
		req.Header.Set("Content-Type", "application/json")
		resp, err = http.DefaultClient.Do(req)
		ts.Check(err)
		answer, err = io.ReadAll(resp.Body)
		ts.Check(errors.Join(err, resp.Body.Close()))
		return resp.StatusCode != http.StatusServiceUnavailable
	})
	_, err := ts.Stdout().Write(answer)
	ts.Check(err)
	if ok := resp.StatusCode == http.StatusOK; ok == neg {
		ts.Fatalf("status %s", resp.Status)
	}
	ts.Setenv("REQUEST", resp.Header.Get("X-Request-Id"))
	ts.Setenv("RECEIPT", resp.Header.Get("Weir-Receipt"))
}

func scriptLoad(ts *testscript.TestScript, neg bool, args []string) {
	want(ts, neg, args, "load VARIABLE FILE")
	ts.Setenv(args[0], strings.TrimSpace(ts.ReadFile(args[1])))
}

func scriptFlip(ts *testscript.TestScript, neg bool, args []string) {
	want(ts, neg, args, "flip FILE")
	path := ts.MkAbs(args[0])
	b, err := os.ReadFile(path)
	ts.Check(err)
	if len(b) == 0 {
		ts.Fatalf("%s is empty", args[0])
	}
	b = bytes.Clone(b)
	b[len(b)/2] ^= 1
	ts.Check(os.WriteFile(path, b, 0o600))
}
