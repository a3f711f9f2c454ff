package main

import (
	"testing"
	"testing/fstest"
)

func TestContainerLimit(t *testing.T) {
	const v1, v2 = "sys/fs/cgroup/memory/", "sys/fs/cgroup/"
	for name, c := range map[string]struct {
		files map[string]string
		want  int64
	}{
		"no groups":       {nil, 0},
		"version 2":       {map[string]string{"proc/self/cgroup": "0::/\n", v2 + "memory.max": "67108864\n"}, 64 << 20},
		"not limited":     {map[string]string{"proc/self/cgroup": "0::/\n", v2 + "memory.max": "max\n"}, 0},
		"no such file":    {map[string]string{"proc/self/cgroup": "0::/\n"}, 0},
		"nonsense":        {map[string]string{"proc/self/cgroup": "0::/\nx\n\n:::\n", v2 + "memory.max": "many"}, 0},
		"a unit":          {map[string]string{"proc/self/cgroup": "0::/system.slice/a.service\n", v2 + "system.slice/a.service/memory.max": "1000"}, 1000},
		"the group above": {map[string]string{"proc/self/cgroup": "0::/a/b\n", v2 + "a/memory.max": "1000", v2 + "a/b/memory.max": "2000"}, 1000},
		"a name from outside the container": {
			map[string]string{"proc/self/cgroup": "0::/../../x\n", v2 + "memory.max": "5000"}, 5000},
		"version 1": {
			map[string]string{"proc/self/cgroup": "5:cpu:/x\n4:name=memory:/y\n3:hugetlb,memory:/docker/0\n0::/\n",
				v1 + "docker/0/memory.limit_in_bytes": "3000"}, 3000},
		"version 1, in a container": {map[string]string{"proc/self/cgroup": "3:memory:/docker/0\n", v1 + "memory.limit_in_bytes": "4000"}, 4000},
		"version 1, not limited":    {map[string]string{"proc/self/cgroup": "3:memory:/\n", v1 + "memory.limit_in_bytes": "9223372036854771712\n"}, 0},
	} {
		root := fstest.MapFS{}
		for file, text := range c.files {
			root[file] = &fstest.MapFile{Data: []byte(text)}
		}
		if got := containerLimit(root); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
}

func TestRoom(t *testing.T) {
	for _, c := range []struct {
		limit   int64
		servers int
		want    room
	}{
		{0, 1, room{0, 32 << 20, 200}},
		{0, 20, room{0, 32 << 20, 200}},
		{64 << 20, 1, room{64 << 20, 64 << 20 / 9, 200}},
		{96 << 20, 1, room{96 << 20, 96 << 20 / 9, 200}},
		{1 << 30, 1, room{1 << 30, 32 << 20, 200}},
		{32 << 20, 1, room{32 << 20, 32 << 20 / 9, 102}},
		{64 << 20, 4, room{64 << 20, 16 << 20 / 9, 51}},
		{1 << 20, 1, room{1 << 20, 1 << 20 / 9, 10}},
	} {
		if got := roomIn(c.limit, c.servers); got != c.want {
			t.Errorf("%d for %d: %+v, want %+v", c.limit, c.servers, got, c.want)
		}
	}
	if longest := 10_240_000 - 64<<10; roomIn(96<<20, 1).lineBudget < longest {
		t.Errorf("96 MiB have no room for a command of %d bytes", longest)
	}
}
