# One compiled program with the C library that it is linked with: no shell, no package manager, no root.
# The context is made by `npm run image` (image/build.ts): a folder per architecture with what the image holds.
# Another BASE must be one with the GNU C library, e.g. gcr.io/distroless/base-debian12.
ARG BASE=scratch
FROM ${BASE}
ARG TARGETARCH=amd64
ARG VERSION
COPY ${TARGETARCH}/ /
LABEL org.opencontainers.image.title="regards-order" \
      org.opencontainers.image.description="Order service for data archives: queries in, verified archives out" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}"
USER 65532:65532
WORKDIR /tmp
ENTRYPOINT ["/usr/bin/regards-order"]
CMD ["--help"]
