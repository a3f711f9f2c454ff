# The server alone: one static binary in an empty image, no shell, not root. Works with a read-only root
# (docker run --read-only): everything it writes goes to the volume.
#
#   docker build -t atserver .
#   docker run -d --read-only -p 6464:6464 -v alice:/atsign -e ATSERVER_ATSIGN=@alice atserver
#
# The binary is the same, byte for byte, wherever it is built from the same source with the same Go and VERSION. For
# the same image, give it the time of the source, too:
#
#   docker buildx build --build-arg VERSION=1.0 --build-arg SOURCE_DATE_EPOCH="$(git log -1 --format=%ct)" \
#       --output type=image,name=atserver,rewrite-timestamp=true .

FROM golang:1.26.8 AS build
WORKDIR /src
ENV CGO_ENABLED=0 GOFLAGS=-buildvcs=false GOTOOLCHAIN=local
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG VERSION=devel
RUN go build -trimpath -ldflags "-s -w -X main.release=$VERSION" -o /out/atserver ./cmd/atserver
RUN mkdir -m 700 /out/atsign && /out/atserver version --sbom >/out/sbom.cdx.json

FROM scratch
ARG VERSION=devel
ARG REVISION=
LABEL org.opencontainers.image.title="atserver" \
      org.opencontainers.image.description="A personal identity server: it answers for one atSign in the Atsign Protocol" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION"
# The CAs that sign the public directory and other people's servers.
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
# What the binary was built from, for scanners; `atserver version --sbom` prints the same.
COPY --from=build /out/sbom.cdx.json /sbom.cdx.json
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
