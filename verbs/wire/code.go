package wire

// Text is what the protocol's table says of an error code, "" for a code it does not have.
func Text(code string) string { return texts[code] }

var texts = map[string]string{
	"AT0001": "Server exception",
	"AT0002": "DataStore exception",
	"AT0003": "Invalid syntax",
	"AT0004": "Socket error",
	"AT0005": "Buffer limit exceeded",
	"AT0006": "Outbound connection limit exceeded",
	"AT0007": "Secondary server not found",
	"AT0008": "Handshake failure",
	"AT0009": "UnAuthorized client in request",
	"AT0010": "Internal server error",
	"AT0011": "Internal server exception",
	"AT0012": "Inbound connection limit exceeded",
	"AT0013": "Connection Exception",
	"AT0014": "Unknown AtClient exception",
	"AT0015": "key not found",
	"AT0016": "Invalid key",
	"AT0021": "Unable to connect to secondary",
	"AT0022": "Illegal arguments",
	"AT0023": "Timeout waiting for response",
	"AT0024": "Server is paused",
	"AT0025": "Apkam Auth Denied",
	"AT0026": "Apkam Auth Failed",
	"AT0027": "Apkam Access Revoked",
	"AT0028": "Too Many Requests",
	"AT0029": "Apkam Enrollment Expired",
	"AT0030": "Invalid Enrollment Status",
	"AT0031": "Cannot revoke self enrollment",
	"AT0032": "Illegal state",
	"AT0401": "Client authentication failed",
}
