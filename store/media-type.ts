/** Media types by extension, of what lies in data archives. */

const UNKNOWN = "application/octet-stream";
const BY_EXTENSION: Readonly<Record<string, string>> = {
  avif: "image/avif",
  bin: UNKNOWN,
  bz2: "application/x-bzip2",
  cdf: "application/x-cdf",
  csv: "text/csv",
  fits: "application/fits",
  geojson: "application/geo+json",
  gif: "image/gif",
  gpkg: "application/geopackage+sqlite3",
  grb: "application/wmo-GRIB2",
  grib: "application/wmo-GRIB2",
  grib2: "application/wmo-GRIB2",
  gz: "application/gzip",
  h5: "application/x-hdf5",
  hdf: "application/x-hdf",
  he5: "application/x-hdf5",
  htm: "text/html",
  html: "text/html",
  jp2: "image/jp2",
  jpeg: "image/jpeg",
  jpg: "image/jpeg",
  json: "application/json",
  kml: "application/vnd.google-earth.kml+xml",
  las: "application/vnd.las",
  laz: "application/vnd.laszip",
  md: "text/markdown",
  nc: "application/netcdf",
  nc4: "application/netcdf",
  ndjson: "application/x-ndjson",
  parquet: "application/vnd.apache.parquet",
  pdf: "application/pdf",
  png: "image/png",
  svg: "image/svg+xml",
  tar: "application/x-tar",
  tgz: "application/gzip",
  tif: "image/tiff",
  tiff: "image/tiff",
  txt: "text/plain",
  webp: "image/webp",
  xml: "application/xml",
  yaml: "application/yaml",
  yml: "application/yaml",
  zip: "application/zip",
  zst: "application/zstd",
};

export function mediaTypeOf(filename: string): string {
  const dot = filename.lastIndexOf(".");
  return dot < 0 ? UNKNOWN : (BY_EXTENSION[filename.slice(dot + 1).toLowerCase()] ?? UNKNOWN);
}
