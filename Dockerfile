# The server alone: one static binary in an empty image, no shell, not root. Works with a read-only root
# (docker run --read-only): everything it writes goes to the volume.
#
#   docker build -t atserver .
#   docker run -d --read-only -p 6464:6464 -v alice:/atsign -e ATSERVER_ATSIGN=@alice atserver

FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=0 go build -trimpath -ldflags "-s -w" -o /out/atserver ./cmd/atserver && mkdir -m 700 /out/atsign

FROM scratch
# The CAs that sign the public directory and other people's servers.
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /out/atserver /atserver
# A new volume takes over this folder, and with it the owner.
COPY --from=build --chown=1024:1024 /out/atsign /atsign
USER 1024:1024
ENV ATSERVER_DATA=/atsign
VOLUME /atsign
EXPOSE 6464
HEALTHCHECK --interval=30s --timeout=5s --start-period=10s CMD ["/atserver", "health"]
ENTRYPOINT ["/atserver"]
CMD ["serve"]
