/** Shows one stream from its beginning to its end. */
export interface Screen {
  feed(data: ArrayBuffer): void;
  close(): void;
}
