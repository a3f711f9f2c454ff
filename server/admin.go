package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/pprof"
	"os"
	"strings"

	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// ListenAdmin opens the door by which the server is watched: at HOST:PORT of this
// machine, or unix:PATH, a socket of its owner only. It asks nobody who they are,
// so no other address is taken.
func ListenAdmin(address string) (net.Listener, error) {
	if path, ok := strings.CutPrefix(address, "unix:"); ok {
		return listenAdminSocket(path)
	}
	host, port, err := net.SplitHostPort(address)
	if host == "localhost" {
		host = "127.0.0.1" // whatever the resolver makes of it
	}
	if ip := net.ParseIP(host); err != nil || ip == nil || !ip.IsLoopback() {
		return nil, fmt.Errorf("admin address %q: must be 127.0.0.1:PORT, [::1]:PORT, localhost:PORT or unix:PATH", address)
	}
	l, err := net.Listen("tcp", net.JoinHostPort(host, port))
	if err != nil {
		return nil, fmt.Errorf("admin address %q: %w", address, err)
	}
	return l, nil
}

// listenAdminSocket replaces what a server left that ended, and nothing else.
func listenAdminSocket(path string) (net.Listener, error) {
	info, err := os.Lstat(path)
	switch {
	case path == "":
		return nil, errors.New("admin address unix: without a path")
	case err == nil && info.Mode().Type() != os.ModeSocket:
		return nil, fmt.Errorf("admin socket %s: there is something else", path)
	case err == nil:
		if other, err := net.Dial("unix", path); err == nil {
			other.Close()
			return nil, fmt.Errorf("admin socket %s: another process listens there", path)
		}
	}
	l, err := listenSocket(path)
	if err != nil {
		return nil, fmt.Errorf("admin socket: %w", err)
	}
	return l, nil
}

// adminDoor answers whoever watches. It tells no secret, no key and no value.
func (s *Server) adminDoor(local bool) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "ok\n") })
	mux.HandleFunc("GET /readyz", s.adminReady)
	mux.Handle("GET /metrics", promhttp.HandlerFor(s.metrics.registry, promhttp.HandlerOpts{
		ErrorHandling: promhttp.ContinueOnError, MaxRequestsInFlight: 4, // what can be told is
	}))
	if s.options.LogLevel != nil {
		mux.HandleFunc("GET /loglevel", s.adminLogLevel)
		mux.HandleFunc("PUT /loglevel", s.adminSetLogLevel)
	}
	// Not cmdline: an argument may have been the CRAM secret.
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	if local {
		return mux
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !isLoopback(r.Host) {
			http.Error(w, "this door is for this machine: ask for it by a loopback address", http.StatusForbidden)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

// isLoopback tells whether a request names this machine. A browser that was led here
// by somebody else's name does not.
func isLoopback(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	ip := net.ParseIP(strings.Trim(host, "[]"))
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// adminReady tells what works, and with a status above 399 that something does not.
func (s *Server) adminReady(w http.ResponseWriter, _ *http.Request) {
	state := s.readiness()
	w.Header().Set("Content-Type", "application/json")
	if !state.Ready {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	json.NewEncoder(w).Encode(state)
}

func (s *Server) adminLogLevel(w http.ResponseWriter, _ *http.Request) {
	fmt.Fprintln(w, s.options.LogLevel)
}

func (s *Server) adminSetLogLevel(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 64))
	before := s.options.LogLevel.String()
	if err == nil {
		err = s.options.LogLevel.Set(strings.TrimSpace(string(body)))
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	s.options.Log.Warn().Str(fieldBefore, before).Str(fieldLevel, s.options.LogLevel.String()).Msg("Log level changed")
	s.adminLogLevel(w, r)
}

// serveAdmin answers until ctx ends.
func (s *Server) serveAdmin(ctx context.Context, l net.Listener) {
	s.serveHTTP(ctx, l, "Admin", s.adminDoor(l.Addr().Network() == "unix"))
}
