# Rscript tests/r/associations.R, from the project's root: writes made-up sites and the reference
# values of tests/test_associations.py in base R. Partial correlations come from the inverse
# covariance matrix, distances from the haversine, and Moran's I from its definition, pair by pair
# (ape::Moran.I divides every row of the weights by its sum, which is another statistic).
set.seed(2022)
n <- 30
longitude <- round(seq(80, 103, length.out = n) + runif(n, -0.3, 0.3), 3)
latitude <- round(runif(n, 31, 37), 3)
elevation <- round(5200 - 60 * (longitude - 80) + rnorm(n, sd = 350))
land_cover <- sample(rep(c("meadow", "steppe"), c(12, 18)))
zone <- character(n)
zone[order(elevation)] <- rep(c("Low", "Middle", "High"), c(6, 10, 14))
along <- (longitude - 91.5) / 7
spread <- c(Low = 0.4, Middle = 0.8, High = 1.6)[zone]
a <- along + rnorm(n, sd = 0.3)
b <- 0.6 * a + rnorm(n, sd = 0.5)
c <- (elevation - 4500) / 500 + rnorm(n, sd = 0.4) * spread
d <- 5 + (land_cover == "meadow") + rnorm(n, sd = 0.8) * spread^0.5
e <- exp(0.5 * b + rnorm(n, sd = 0.6) + 0.7 * (land_cover == "meadow"))
factors <- round(data.frame(a, b, c, d, e), 4)
places <- data.frame(longitude, latitude, elevation)
write.csv(cbind(places, land_cover, zone, factors), "tests/r/associations_input.csv",
  row.names = FALSE, quote = FALSE
)
pairs <- combn(names(factors), 2, simplify = FALSE)

fisher <- function(r, size, level) {
  tanh(atanh(r) + c(-1, 1) * qnorm((1 + level) / 2) / sqrt(size - 3))
}
row <- function(pair, n, r, interval, p) {
  data.frame(
    left = pair[1], right = pair[2], n = n, r = r, r_low = interval[1], r_high = interval[2], p = p
  )
}
pearson <- function(pair, level) {
  test <- cor.test(factors[[pair[1]]], factors[[pair[2]]], conf.level = level)
  row(pair, n, test$estimate, test$conf.int, test$p.value)
}
spearman <- function(pair, level) {
  x <- factors[[pair[1]]]
  y <- factors[[pair[2]]]
  test <- cor.test(rank(x), rank(y), conf.level = level)
  row(pair, n, cor(x, y, method = "spearman"), test$conf.int, test$p.value)
}
partial <- function(pair, level, controls) {
  both <- cbind(factors[pair], places[controls])
  inverse <- solve(cov(scale(both)))
  r <- -inverse[1, 2] / sqrt(inverse[1, 1] * inverse[2, 2])
  names(both)[1:2] <- c("x", "y")
  p <- summary(lm(y ~ ., both))$coefficients["x", 4]
  row(pair, n, r, fisher(r, n - length(controls), level), p)
}

radians <- pi / 180
km <- outer(1:n, 1:n, function(i, j) {
  lift <- sin((latitude[i] - latitude[j]) * radians / 2)^2
  turn <- sin((longitude[i] - longitude[j]) * radians / 2)^2
  2 * 6371 * asin(sqrt(lift + cos(latitude[i] * radians) * cos(latitude[j] * radians) * turn))
})
classes <- 5
edges <- quantile(km[lower.tri(km)], (1:classes) / classes, type = 7)
class <- matrix(findInterval(km, edges[-classes], left.open = TRUE) + 1, n)
diag(class) <- 0
moran <- function(x, k) {
  x <- x - mean(x)
  together <- 0
  count <- 0
  for (i in 1:n) {
    for (j in 1:n) {
      if (class[i, j] == k) {
        together <- together + x[i] * x[j]
        count <- count + 1
      }
    }
  }
  n / count * together / sum(x^2)
}
correlogram <- t(sapply(factors, function(x) sapply(1:classes, function(k) moran(x, k))))
colnames(correlogram) <- format(edges, digits = 15, trim = TRUE)

B <- diag(n) - matrix(1, n, n) / n
likeness <- function(name) {
  X <- diag(n)
  for (k in 1:classes) X[class == k] <- correlogram[name, k]
  X
}
trace <- function(matrix) sum(diag(matrix))
effective <- function(pair, level) {
  X <- likeness(pair[1])
  Y <- likeness(pair[2])
  overlap <- trace(B %*% X %*% B %*% Y)
  size <- if (overlap > 0) min(n, 1 + trace(B %*% X) * trace(B %*% Y) / overlap) else n
  r <- cor(factors[[pair[1]]], factors[[pair[2]]])
  t <- r * sqrt((size - 2) / (1 - r^2))
  row(pair, size, r, fisher(r, size, level), 2 * pt(-abs(t), size - 2))
}

every_pair <- function(kind, level, test, ...) {
  rows <- do.call(rbind, lapply(pairs, test, level = level, ...))
  data.frame(
    kind = kind, confidence = level, rows,
    q = p.adjust(rows$p, "BH"), p_bonferroni = p.adjust(rows$p, "bonferroni")
  )
}
options(digits = 15)
write.csv(rbind(
  every_pair("pearson", 0.95, pearson),
  every_pair("pearson", 0.8, pearson),
  every_pair("spearman", 0.95, spearman),
  every_pair("given elevation", 0.9, partial, "elevation"),
  every_pair("given elevation and longitude", 0.95, partial, c("elevation", "longitude")),
  every_pair("effective size", 0.95, effective)
), "tests/r/associations.csv", row.names = FALSE)
write.csv(correlogram, "tests/r/associations_correlogram.csv")
