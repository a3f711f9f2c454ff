package main

import (
	"os/exec"
	"strings"
	"testing"
	"time"
)

func TestRedisWorks(t *testing.T) {
	const key = "$17\r\nr42.atbench@bench\r\n"
	for name, want := range map[string]string{
		"noop":    "*1\r\n$4\r\nPING\r\n",
		"llookup": "*2\r\n$3\r\nGET\r\n" + key,
		"update":  "*3\r\n$3\r\nSET\r\n" + key + "$100\r\n" + value + "\r\n",
	} {
		if got := string(redisWorks[name](nil, 42)); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
	for name := range works {
		if redisWorks[name] == nil {
			t.Errorf("Redis cannot %s", name)
		}
	}
}

func TestCutRESP(t *testing.T) {
	tests := []struct {
		in, payload, after string
		complete, ok       bool
	}{
		{"+PONG\r\n", "PONG", "", true, true},
		{"+OK\r\n+OK\r\n", "OK", "+OK\r\n", true, true},
		{"$3\r\na\r\n\r\n$1", "a\r\n", "$1", true, true},
		{"$0\r\n\r\n", "", "", true, true},
		{"", "", "", false, true},
		{"+PON", "", "+PON", false, true},
		{"$3\r\n", "", "$3\r\n", false, true},
		{"$3\r\nabc\r", "", "$3\r\nabc\r", false, true},
		{"$-1\r\n", "", "", false, false},
		{"-ERR no\r\n", "", "", false, false},
		{"3\r\nabc\r\n", "", "", false, false},
		{"\r\n", "", "", false, false},
		{"$3\r\nabcd\r\n", "", "", false, false},
		{"$x\r\n", "", "", false, false},
	}
	for _, test := range tests {
		payload, after, err := cutRESP([]byte(test.in), "")
		if string(payload) != test.payload || string(after) != test.after || (payload != nil) != test.complete || (err == nil) != test.ok {
			t.Errorf("%q: got %q, %q, %v", test.in, payload, after, err)
		}
	}
}

func TestRedis(t *testing.T) {
	if _, err := exec.LookPath("redis-server"); err != nil {
		t.Skip("redis-server is not installed")
	}
	redis, err := startRival(t.Context(), "redis", t.TempDir(), 3, 50)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(redis.stop)
	on := connect(t, &redis.target, 3)
	for name, work := range redis.works {
		c, err := redis.drive(t.Context(), on, load{work, 50, 4}, 20*time.Millisecond)
		if err != nil || c.requests == 0 {
			t.Errorf("%s: %+v, %v", name, c, err)
		}
	}
	if _, err := redis.drive(t.Context(), on, load{redis.works["llookup"], 1000, 1}, time.Second); err == nil {
		t.Error("a record that is not there passed for one")
	}
}

func TestRedisMissing(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	if _, err := startRedis(t.Context(), t.TempDir(), 1); err == nil || !strings.Contains(err.Error(), "not installed") {
		t.Errorf("got %v", err)
	}
}
