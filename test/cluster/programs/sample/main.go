// The program of a Process as an administrator might bring it, for the test bed. What it does is told by its parameters: usually it gives a copy of
// each input in capitals, and a report of everything that it can see from where it runs.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

type parameters struct {
	Mode   string `json:"mode"`
	Suffix string `json:"suffix"`
}

type report struct {
	Environment []string        `json:"environment"`
	Folder      string          `json:"folder"`
	Parameters  json.RawMessage `json:"parameters"`
	Inputs      json.RawMessage `json:"inputs"`
	Mounts      []string        `json:"mounts"`
	Readable    []string        `json:"readable"`
	Writable    []string        `json:"writable"`
	Processes   int             `json:"processes"`
}

func main() {
	text := must(os.ReadFile(os.Getenv("ORDER_PARAMETERS")))
	var asked parameters
	check(json.Unmarshal(text, &asked))
	fmt.Println("mode is", asked.Mode)
	switch asked.Mode {
	case "fail":
		fmt.Fprintln(os.Stderr, "there are no bands in this file")
		os.Exit(3)
	case "nothing":
	case "sleep":
		time.Sleep(time.Hour)
	case "stop": // Works until it is told to end, and takes that for a failure.
		told := make(chan os.Signal, 1)
		signal.Notify(told, syscall.SIGTERM)
		<-told
		os.Exit(1)
	case "memory":
		for held := [][]byte{}; ; {
			held = append(held, bytes.Repeat([]byte{1}, 8<<20))
		}
	case "space":
		fill(filepath.Join(os.Getenv("ORDER_OUTPUT"), "large.bin"))
	default:
		capitals(asked.Suffix)
		tell(text)
	}
}

// Writes more than it may, then waits for what comes of it.
func fill(path string) {
	file := must(os.Create(path))
	for range 64 {
		must(file.Write(bytes.Repeat([]byte{1}, 1<<20)))
	}
	check(file.Sync())
	time.Sleep(time.Hour)
}

func capitals(suffix string) {
	input, output := os.Getenv("ORDER_INPUT"), os.Getenv("ORDER_OUTPUT")
	check(filepath.WalkDir(input, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		relative := must(filepath.Rel(input, path))
		target := filepath.Join(output, relative+suffix)
		check(os.MkdirAll(filepath.Dir(target), 0o755))
		return os.WriteFile(target, bytes.ToUpper(must(os.ReadFile(path))), 0o644)
	}))
}

func tell(text []byte) {
	seen := report{
		Environment: os.Environ(),
		Folder:      must(os.Getwd()),
		Parameters:  text,
		Inputs:      must(os.ReadFile("inputs.json")),
		Mounts:      strings.Split(strings.TrimSpace(string(must(os.ReadFile("/proc/self/mounts")))), "\n"),
	}
	for _, entry := range must(os.ReadDir("/proc")) {
		if strings.Trim(entry.Name(), "0123456789") == "" {
			seen.Processes++
		}
	}
	// What cannot be looked at is none of what it can read.
	_ = filepath.WalkDir("/", func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return nil
		}
		if entry.IsDir() && (path == "/proc" || path == "/sys" || path == "/dev") {
			return fs.SkipDir
		}
		if entry.IsDir() {
			probe := filepath.Join(path, ".probe")
			if os.WriteFile(probe, nil, 0o600) == nil {
				check(os.Remove(probe))
				seen.Writable = append(seen.Writable, path)
			}
			return nil
		}
		if _, err := os.ReadFile(path); err == nil {
			seen.Readable = append(seen.Readable, path)
		}
		return nil
	})
	target := filepath.Join(os.Getenv("ORDER_OUTPUT"), "report.json")
	check(os.WriteFile(target, must(json.Marshal(seen)), 0o644))
}

func must[T any](value T, err error) T {
	check(err)
	return value
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
