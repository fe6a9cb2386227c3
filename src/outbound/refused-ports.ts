/**
 * Ports at which no picture and no app is found, but a service that was never meant to hear from
 * strangers. A URL from outside that names one is refused, whatever its host: an address that looks
 * public may be a gateway's own, and a request can be shaped so that a service which speaks no HTTP
 * obeys some line of it.
 */

/** The Fetch Standard, "bad port", as of 2026-07-02, read 2026-11-21: where browsers never go. */
const BAD_PORTS = [
  0, 1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95, 101, 102,
  103, 104, 109, 110, 111, 113, 115, 117, 119, 123, 135, 137, 139, 143, 161, 179, 389, 427, 465,
  512, 513, 514, 515, 526, 530, 531, 532, 540, 548, 554, 556, 563, 587, 601, 636, 989, 990, 993,
  995, 1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061, 6000, 6566, 6665, 6666, 6667, 6668,
  6669, 6679, 6697, 10080,
];

/**
 * The standard leaves these out, because a browser's user may well mean them; an app's picture is
 * never there. The usual ports by each product's own documentation, and in each group why a single
 * request is harm enough. Not here: 9000, at which ClickHouse listens, but MinIO serves pictures.
 */
const INTERNAL_PORTS: Readonly<Record<string, readonly number[]>> = {
  // A line of text is a command, or the answer is a table.
  'a database': [1433, 1521, 3306, 5432, 5984, 7474, 7687, 8086, 8123, 9042, 27017, 27018, 27019],
  // Redis and memcached obey lines without any login.
  'a cache': [6379, 6380, 11211, 16379, 26379],
  // Whoever reaches it reads all documents, or deletes them.
  'a search engine': [8983, 9200, 9300],
  // A message that is put in is work that somebody does.
  'a message queue': [
    1883, 4222, 5671, 5672, 6650, 8222, 8883, 9092, 9093, 15671, 15672, 61613, 61616,
  ],
  // One request starts a process on the machine.
  'a container or cluster control plane': [2375, 2376, 2377, 6443, 10250, 10255, 10256],
  // Holds the addresses and secrets of everything else.
  'a service registry': [2181, 2379, 2380, 4646, 8200, 8300, 8500, 8501, 8600],
  // Another machine's desktop, files or shell.
  'remote access': [445, 873, 2222, 3389, 5900, 5985, 5986],
};

/** What usually listens at a port that is refused; undefined for a port that may be used. */
export function serviceAt(port: number): string | undefined {
  for (const [service, ports] of Object.entries(INTERNAL_PORTS)) {
    if (ports.includes(port)) return service;
  }
  return BAD_PORTS.includes(port) ? 'a service other than the web' : undefined;
}
