package main

import (
	"context"
	"encoding/json"
	"fmt"

	"atserver/cmd/console"
)

type whoamiCmd struct{}

// serverInfo is what a server tells of itself and of who is logged in.
type serverInfo struct {
	Version string
	Apkam   struct {
		AppName, DeviceName string
		Namespaces          map[string]string
	} `json:"apkam_metadata"`
}

func (s session) info(ctx context.Context) (info serverInfo, err error) {
	reply, err := s.Ask(ctx, "info")
	if err != nil {
		return info, fmt.Errorf("ask who I am: %w", err)
	}
	if err := json.Unmarshal([]byte(reply), &info); err != nil {
		return info, fmt.Errorf("ask who I am: the server sent something else: %w", err)
	}
	return info, nil
}

func (c *whoamiCmd) Run(ctx context.Context, con *console.Console, g *globals) error {
	return g.login(ctx, con, func(ctx context.Context, s session) error {
		info, err := s.info(ctx)
		if err != nil {
			return err
		}
		if g.JSON {
			return con.Print(map[string]any{
				"atSign": s.Sign, "enrollmentId": s.keys.Enrollment, "appName": info.Apkam.AppName,
				"deviceName": info.Apkam.DeviceName, "namespaces": info.Apkam.Namespaces, "serverVersion": info.Version,
			})
		}
		enrollment := s.keys.Enrollment
		if enrollment == "" {
			enrollment = "none, these are the legacy keys"
		}
		return con.Table([]string{"WHO", string(s.Sign)}, [][]string{
			{"enrollment", enrollment},
			{"app", info.Apkam.AppName},
			{"device", info.Apkam.DeviceName},
			{"namespaces", console.Rights(info.Apkam.Namespaces)},
			{"server", "version " + info.Version},
		})
	})
}
