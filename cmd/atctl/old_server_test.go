package main

import (
	"bufio"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"net"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// oldServer answers as the reference server of October 2024 does: it wants a limit,
// sends pages of 25 entries whatever the limit is, and leaves entries out after
// it has counted them.
type oldServer struct {
	address string

	mu      sync.Mutex
	log     []oldEntry
	conns   []net.Conn
	answers map[string]string // to further commands, by their beginning
	asked   []string
}

// oldEntry is a record in the commit log. One without a key was deleted without a
// trace; one with the id -1 is not in the log.
type oldEntry struct {
	id         int
	key, value string
	meta       map[string]string
}

func openOldServer(t *testing.T, p *place, log ...oldEntry) *oldServer {
	t.Helper()
	dir := filepath.Dir(p.ca)
	cert, err := tls.LoadX509KeyPair(filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem"))
	if err != nil {
		t.Fatal(err)
	}
	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{cert}})
	if err != nil {
		t.Fatal(err)
	}
	s := &oldServer{address: listener.Addr().String(), log: log}
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			s.mu.Lock()
			s.conns = append(s.conns, conn)
			s.mu.Unlock()
			serving.Go(func() { s.serve(conn) })
		}
	})
	t.Cleanup(func() {
		listener.Close()
		s.drop()
		serving.Wait()
	})
	return s
}

// drop ends all connections.
func (s *oldServer) drop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, conn := range s.conns {
		conn.Close()
	}
	s.conns = nil
}

// commit adds to the log.
func (s *oldServer) commit(e oldEntry) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.log = append(s.log, e)
}

func (s *oldServer) serve(conn net.Conn) {
	defer conn.Close()
	fmt.Fprint(conn, "@")
	for in := bufio.NewScanner(conn); in.Scan(); {
		fmt.Fprint(conn, s.answer(in.Text())+"\n@alice@")
	}
}

var oldSync = regexp.MustCompile(`^sync:from:(-1|\d+):limit:\d+(?::(.+))?$`)

func (s *oldServer) answer(line string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = append(s.asked, line)
	for begins, reply := range s.answers {
		if strings.HasPrefix(line, begins) {
			return reply
		}
	}
	key, isLookup := strings.CutPrefix(line, "llookup:all:")
	sync := oldSync.FindStringSubmatch(line)
	switch {
	case strings.HasPrefix(line, "from:"):
		return "data:_4af2@alice:d6ca"
	case strings.HasPrefix(line, "pkam:"):
		return "data:success"
	case line == "info":
		return `data:{"version":"3.0.52","uptimeAsWords":"1 seconds"}`
	case line == "config:block:show":
		return "data:null"
	case strings.HasPrefix(line, "enroll:list"):
		return "data:{}"
	case line == "scan:showHidden:true":
		return "data:" + s.keys()
	case isLookup:
		return s.lookup(key)
	case strings.HasPrefix(line, "stats:3"):
		return fmt.Sprintf(`data: [{"id":"3","name":"lastCommitID","value":"%s"}]`, s.last(strings.TrimPrefix(line[len("stats:3"):], ":")))
	case sync != nil:
		after, _ := strconv.Atoi(sync[1])
		return "data:" + s.page(after, sync[2])
	}
	return "error:AT0003-Invalid syntax : Invalid syntax."
}

func (s *oldServer) last(regex string) string {
	last := "null"
	for _, e := range s.log {
		if e.id >= 0 && regexp.MustCompile(regex).MatchString(e.key) {
			last = strconv.Itoa(e.id)
		}
	}
	return last
}

func (s *oldServer) page(after int, regex string) string {
	page := []any{}
	seen := 0
	for _, e := range s.log {
		if e.id <= after || seen == 25 || !regexp.MustCompile(regex).MatchString(e.key) {
			continue
		}
		if seen++; e.key != "" {
			page = append(page, map[string]any{"atKey": e.key, "value": e.value, "metadata": e.meta, "commitId": e.id, "operation": "*"})
		}
	}
	text, err := json.Marshal(page)
	if err != nil {
		panic(err)
	}
	return string(text)
}

func (s *oldServer) keys() string {
	keys := []string{}
	for _, e := range s.log {
		if e.key != "" {
			keys = append(keys, e.key)
		}
	}
	text, _ := json.Marshal(keys)
	return string(text)
}

func (s *oldServer) lookup(key string) string {
	for _, e := range s.log {
		if e.key == key {
			text, _ := json.Marshal(map[string]any{"key": key, "data": e.value, "metaData": e.meta})
			return "data:" + string(text)
		}
	}
	return "error:AT0015-key not found : " + key + " does not exist in keystore"
}
