package atauth

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// exchange is one command that a peer expects, as its beginning, and the reply to
// it without LF and prompt.
type exchange struct{ begins, reply string }

const challenge = "_4af2@alice:d6ca"

var from = exchange{`from:@alice:clientConfig:{"version":"`, "data:" + challenge}

// peer plays one script a connection, in order, over TLS on loopback. Commands that
// do not begin as the script says fail the test. asked returns those so far.
func peer(t *testing.T, scripts ...[]exchange) (o Options, asked func() []string) {
	t.Helper()
	cert, caFile := certificate(t, "127.0.0.1")
	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{cert}})
	if err != nil {
		t.Fatal(err)
	}
	var (
		mu    sync.Mutex
		lines []string
		done  = make(chan struct{})
	)
	note := func(line string) {
		mu.Lock()
		defer mu.Unlock()
		lines = append(lines, line)
	}
	go func() {
		defer close(done)
		for _, script := range scripts {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			play(t, conn, script, note)
		}
	}()
	t.Cleanup(func() { listener.Close(); <-done })
	return Options{Sign: "@alice", Server: listener.Addr().String(), CAFile: caFile}, func() []string {
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(lines)
	}
}

func play(t *testing.T, conn net.Conn, script []exchange, note func(string)) {
	defer conn.Close()
	fmt.Fprint(conn, "@")
	in := bufio.NewReader(conn)
	for _, x := range script {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		note(strings.TrimSuffix(line, "\n"))
		if !strings.HasPrefix(line, x.begins) {
			t.Errorf("peer was asked %q, want %q", line, x.begins)
		}
		fmt.Fprint(conn, x.reply+"\n@")
	}
	in.ReadString('\n') // until the client closes
}

// certificate makes a server certificate for an address and the file of the
// authority that signed it.
func certificate(t *testing.T, address string) (tls.Certificate, string) {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	caKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(err)
	ca := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	caDER, err := x509.CreateCertificate(rand.Reader, ca, ca, caKey.Public(), caKey)
	must(err)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(err)
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(2), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.ParseIP(address)},
	}
	der, err := x509.CreateCertificate(rand.Reader, leaf, ca, key.Public(), caKey)
	must(err)
	file := filepath.Join(t.TempDir(), "ca.pem")
	must(os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: caDER}), 0o600))
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, file
}
