package main

import (
	"atserver/cmd/console"
	"context"
	"encoding/json"
	"fmt"
)

type whoamiCmd struct{}

func (c *whoamiCmd) Run(ctx context.Context, con *console.Console, g *globals) error {
	return g.login(ctx, con, func(ctx context.Context, s session) error {
		reply, err := s.Ask(ctx, "info")
		if err != nil {
			return fmt.Errorf("ask who I am: %w", err)
		}
		var info struct {
			Version string
			Apkam   struct {
				AppName, DeviceName string
				Namespaces          map[string]string
			} `json:"apkam_metadata"`
		}
		if err := json.Unmarshal([]byte(reply), &info); err != nil {
			return fmt.Errorf("ask who I am: the server sent something else: %w", err)
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
