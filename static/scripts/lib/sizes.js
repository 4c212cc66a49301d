// Bytes as people read them, the same as the server says them (`jobs/templatetags/words.py`).

/**
 * In powers of 1024: 640 MB, 1.2 GB, one decimal below ten.
 * @param {number} bytes
 */
export function size(bytes) {
  const units = ["bytes", "KB", "MB", "GB", "TB"];
  let at = 0;
  while (Math.round(bytes) >= 1000 && at < 4) {
    bytes /= 1024;
    at += 1;
  }
  return `${at && bytes < 9.95 ? bytes.toFixed(1).replace(".0", "") : Math.round(bytes)} ${units[at]}`;
}
