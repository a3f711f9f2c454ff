package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	"atserver/server"
	"atserver/store/atkey"
)

// operatorFlags find the running server that an operator speaks to.
type operatorFlags struct {
	AtSign string `name:"atsign" short:"a" env:"ATSERVER_ATSIGN" placeholder:"@alice" help:"AtSign that the server serves, to find its data folder."`
	Data   string `env:"ATSERVER_DATA,secondaryStoragePath" placeholder:"DIR" help:"Data folder (${data}/ATSIGN)."`
}

// folder is the data folder of the server.
func (f operatorFlags) folder() (string, error) {
	if f.Data != "" {
		return f.Data, nil
	}
	if f.AtSign == "" {
		return "", errors.New("no server given: use --atsign or --data")
	}
	sign, err := atkey.ParseSign(f.AtSign)
	return filepath.Join(defaultData(), string(sign)), err
}

// ask sends one request over the operator's socket and decodes the answer.
func (f operatorFlags) ask(method, path string, into any) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	response, err := f.send(ctx, method, path)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	return json.NewDecoder(response.Body).Decode(into)
}

// send sends one request over the operator's socket. An answer that tells of a
// failure is an error.
func (f operatorFlags) send(ctx context.Context, method, path string) (*http.Response, error) {
	dir, err := f.folder()
	if err != nil {
		return nil, err
	}
	socket := filepath.Join(dir, server.OperatorSocket)
	client := asking("unix", socket)
	request, err := http.NewRequestWithContext(ctx, method, "http://operator"+path, nil)
	if err != nil {
		return nil, err
	}
	response, err := client.Do(request)
	var op *net.OpError
	if errors.As(err, &op) && op.Op == "dial" {
		return nil, fmt.Errorf("no server runs on this data folder, or it is another user's: %w", op.Err)
	}
	var broke *url.Error
	if errors.As(err, &broke) { // it would name the whole request
		err = fmt.Errorf("the server did not answer: %w", broke.Err)
	}
	if err != nil || response.StatusCode < 400 {
		return response, err
	}
	defer response.Body.Close()
	var failure server.Failure
	if err := json.NewDecoder(response.Body).Decode(&failure); err != nil || failure.Error == "" {
		return nil, fmt.Errorf("the server answers %s", response.Status)
	}
	return nil, &refusal{response.StatusCode, failure.Error}
}

// asking is a client that asks what listens there, whatever host a request names.
func asking(network, address string) *http.Client {
	return &http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, address)
		},
	}}
}

// refusal is a failure in the words of the server.
type refusal struct {
	status int
	text   string
}

func (e *refusal) Error() string { return e.text }

// enrollment resolves an id, or the beginning of one that only one has.
func (f operatorFlags) enrollment(id string) (found server.Listed, err error) {
	var all []server.Listed
	if err := f.ask(http.MethodGet, "/enrollments", &all); err != nil {
		return found, err
	}
	n := 0
	for _, e := range all {
		if e.ID == id {
			return e, nil
		}
		if strings.HasPrefix(e.ID, id) {
			found, n = e, n+1
		}
	}
	switch n {
	case 0:
		return found, fmt.Errorf("there is no enrollment %s", id)
	case 1:
		return found, nil
	}
	return found, fmt.Errorf("%d enrollments begin with %s: give more of the id", n, id)
}

func enrollmentPath(id string, more ...string) string {
	return "/enrollments/" + url.PathEscape(id) + strings.Join(append([]string{""}, more...), "/")
}
