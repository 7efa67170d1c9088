// Tells what can be reached from where it runs, for tests of the network: `dialer reach NAME=ADDRESS:PORT…` tries each again and again for a while, and
// writes a line with the names of those that took a connection, after each round. `dialer listen ADDRESS:PORT…` takes every connection. Not by the
// package net: that would ask for the C library, which an image of one file has not.
package main

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"
)

const (
	roundsLast = 2 * time.Minute
	pause      = time.Second
)

var patience = syscall.Timeval{Sec: 1}

func main() {
	switch what := os.Args[1]; what {
	case "listen":
		for _, address := range os.Args[2:] {
			go accept(listen(address))
		}
		select {}
	case "reach":
		for end := time.Now().Add(roundsLast); time.Now().Before(end); time.Sleep(pause) {
			fmt.Println(string(must(json.Marshal(reached(os.Args[2:])))))
		}
	default:
		fmt.Fprintln(os.Stderr, "listen or reach, not", what)
		os.Exit(2)
	}
}

func listen(address string) int {
	socket := must(syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0))
	check(syscall.Bind(socket, parsed(address)))
	check(syscall.Listen(socket, 16))
	return socket
}

func accept(socket int) {
	for {
		if connection, _, err := syscall.Accept(socket); err == nil {
			_ = syscall.Close(connection)
		}
	}
}

func reached(targets []string) []string {
	answers := make(chan string)
	for _, target := range targets {
		name, address, _ := strings.Cut(target, "=")
		go func() {
			if !takesConnection(parsed(address)) {
				name = ""
			}
			answers <- name
		}()
	}
	names := []string{}
	for range targets {
		if name := <-answers; name != "" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

func takesConnection(address syscall.Sockaddr) bool {
	socket := must(syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0))
	defer syscall.Close(socket)
	// Bounds the wait for the connection too.
	check(syscall.SetsockoptTimeval(socket, syscall.SOL_SOCKET, syscall.SO_SNDTIMEO, &patience))
	return syscall.Connect(socket, address) == nil
}

func parsed(address string) syscall.Sockaddr {
	both := must(netip.ParseAddrPort(address))
	return &syscall.SockaddrInet4{Port: int(both.Port()), Addr: both.Addr().As4()}
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
