package bus

import (
	"cmp"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/weir-project/weir/internal/fault"
)

// MessageMax is how many bytes a request, a reply or an event may hold. It is above NATS's usual 1 MiB for the sake of
// snapshots.
const MessageMax = 8 << 20

// Bounds of a server.
const (
	connsMax    = 4096
	startWait   = 10 * time.Second
	storeMax    = 1 << 30
	memoryMax   = 64 << 20
	pingEvery   = 10 * time.Second // with two outstanding a silent partition shows within 30 s
	pingsMissed = 2
	// syncEvery bounds what a power failure takes from JetStream. Money does not depend on it: its truth is
	// the centre's journal.
	syncEvery = 5 * time.Second
)

// Config of a Server.
type Config struct {
	Name      string       // unique among the servers of a network; also the JetStream domain. Default weir
	Listen    string       // loopback address and port for other processes; port 0 chooses one; empty: none
	Token     string       // what a connection must present; required with Listen
	JetStream bool         // keep streams, under Dir
	Dir       string       // required with JetStream; the server's own
	StoreMax  int64        // bytes of all streams together; default 1 GiB
	Log       *slog.Logger // default: none
}

// Server is a bus that lives in this process.
type Server struct {
	nats  *server.Server
	token string
	log   *slog.Logger
}

// Start returns a running server; Close must be called.
func Start(c Config) (*Server, error) {
	log := logger(c.Log)
	options, err := c.options()
	if err != nil {
		return nil, fmt.Errorf("start bus: %w", err)
	}
	n, err := server.NewServer(options)
	if err != nil {
		return nil, fmt.Errorf("start bus: %w", err)
	}
	fatal := make(chan string, 1)
	n.SetLoggerV2(serverLog{log, fatal}, false, false, false)
	n.Start()
	ready := make(chan bool, 1)
	go func() { ready <- n.ReadyForConnections(startWait) }()
	s := &Server{nats: n, token: c.Token, log: log}
	reason := fmt.Sprintf("not ready within %s", startWait)
	select {
	case ok := <-ready:
		if ok && (!c.JetStream || n.JetStreamEnabled()) {
			return s, nil
		}
		if ok {
			reason = "streams cannot be opened under " + c.Dir
		}
	case reason = <-fatal:
	}
	s.Close()
	return nil, fault.New(fault.Unavailable, "start bus: %s", reason)
}

func (c Config) options() (*server.Options, error) {
	o := &server.Options{
		ServerName: cmp.Or(c.Name, "weir"), DontListen: true, NoSigs: true, DisableJetStreamBanner: true,
		MaxConn: connsMax, MaxPayload: MessageMax, PingInterval: pingEvery, MaxPingsOut: pingsMissed,
		Authorization: c.Token,
	}
	if c.Listen != "" {
		host, port, err := loopback(c.Listen)
		if err != nil {
			return nil, err
		}
		if c.Token == "" {
			return nil, fault.New(fault.Invalid, "listening on %s needs a token: anyone on this machine could join", c.Listen)
		}
		o.DontListen, o.Host, o.Port = false, host, port
	}
	if !c.JetStream {
		return o, nil
	}
	if c.Dir == "" {
		return nil, fault.New(fault.Invalid, "streams need a directory")
	}
	dir, err := filepath.Abs(c.Dir)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	o.JetStream, o.StoreDir, o.JetStreamDomain = true, dir, o.ServerName
	o.JetStreamMaxStore, o.JetStreamMaxMemory = cmp.Or(c.StoreMax, storeMax), memoryMax
	o.SyncInterval = syncEvery
	return o, nil
}

// loopback splits an address and refuses one that other machines could reach: the bus speaks no TLS.
func loopback(address string) (host string, port int, err error) {
	host, text, err := net.SplitHostPort(address)
	if err != nil {
		return "", 0, fault.New(fault.Invalid, "listen on %q: want 127.0.0.1:PORT: %w", address, err)
	}
	port, err = strconv.Atoi(text)
	if err != nil || port < 0 || port > 65535 {
		return "", 0, fault.New(fault.Invalid, "listen on %q: port %q is none", address, text)
	}
	if ip := net.ParseIP(host); ip == nil || !ip.IsLoopback() {
		return "", 0, fault.New(fault.Invalid, "listen on %q: only a loopback address is safe without TLS", address)
	}
	if port == 0 {
		port = server.RANDOM_PORT
	}
	return host, port, nil
}

// URL is where other processes connect, empty without a listener.
func (s *Server) URL() string {
	addr := s.nats.Addr()
	if addr == nil {
		return ""
	}
	return "nats://" + addr.String()
}

// Conn joins the bus from within the process, without a socket. The name appears in logs. The connection is the
// caller's to close, before the server.
func (s *Server) Conn(name string) (*Conn, error) {
	c := newConn(name, s.log)
	n, err := nats.Connect("", append(c.options(), nats.InProcessServer(s.nats), nats.Token(s.token))...)
	if err != nil {
		return nil, fault.New(fault.Unavailable, "join the bus as %s: %w", name, err)
	}
	c.start(n)
	return c, nil
}

// Close stops the server and waits for it; open connections break.
func (s *Server) Close() error {
	s.nats.Shutdown()
	s.nats.WaitForShutdown()
	return nil
}

func logger(l *slog.Logger) *slog.Logger {
	if l == nil {
		return slog.New(slog.DiscardHandler)
	}
	return l
}

// serverLog hands the server's messages to slog. Notices are details here: the owner logs what matters.
type serverLog struct {
	log   *slog.Logger
	fatal chan<- string // takes the first reason not to go on
}

func (l serverLog) Noticef(format string, v ...any) { l.log.Debug(line(format, v)) }
func (l serverLog) Debugf(format string, v ...any)  { l.log.Debug(line(format, v)) }
func (l serverLog) Tracef(format string, v ...any)  { l.log.Debug(line(format, v)) }
func (l serverLog) Warnf(format string, v ...any)   { l.log.Warn(line(format, v)) }
func (l serverLog) Errorf(format string, v ...any)  { l.log.Error(line(format, v)) }

func (l serverLog) Fatalf(format string, v ...any) {
	select {
	case l.fatal <- line(format, v):
	default:
		l.log.Error(line(format, v))
	}
}

func line(format string, v []any) string { return strings.TrimSpace(fmt.Sprintf(format, v...)) }
