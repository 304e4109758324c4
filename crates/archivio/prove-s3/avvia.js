// A server of the S3 protocol on a free port: says its address, and goes on until it is ended.
const S3rver = require('s3rver');
new S3rver({
  port: 0, address: '127.0.0.1', silent: true, directory: process.argv[2], configureBuckets: [{ name: 'prova' }],
}).run().then((a) => console.log(`http://127.0.0.1:${a.port}`));
